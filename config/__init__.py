"""The settings that come with Twokey; `importlib.resources.files("config")` finds them in any kind of install."""
