"""Channels: how tickets reach people."""
