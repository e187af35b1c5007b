"""The adapters: the world outside, translated."""
