"""Assay: flags out, events in, results you can trust back."""

__version__ = "0.1.0"
