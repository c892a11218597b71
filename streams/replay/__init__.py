"""Replay and export: business days of cameras folded again from the log, and kept beside it as files."""
