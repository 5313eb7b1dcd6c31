"""Where a project is: its folder, its workspaces, its backend and the cache of its team."""
