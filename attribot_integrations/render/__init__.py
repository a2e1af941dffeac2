"""Showing attributions: plain text and terminal."""
