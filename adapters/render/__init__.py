"""Rendering: values as Markdown, CSV and JSON for people and programs."""
