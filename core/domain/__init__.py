"""The nouns, frozen, one file each."""
