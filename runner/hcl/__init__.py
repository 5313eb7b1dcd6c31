"""Terraform's HCL converted to the runner's TOML."""

from runner.hcl.convert import Converted, convert

__all__ = ["Converted", "convert"]
