"""What has to happen: a plan, and what is looked up for one."""
