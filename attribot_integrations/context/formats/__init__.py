"""Structured text: where its parts stand, one format a module."""
