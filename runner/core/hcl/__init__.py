"""Terraform's HCL converted to the runner's TOML."""

from runner.core.hcl.conversion import Converted, convert

__all__ = ["Converted", "convert"]
