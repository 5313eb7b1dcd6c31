"""Terraform for LLM completions: plan, apply, and keep every answer that was paid for."""

__version__ = "0.1.0"
