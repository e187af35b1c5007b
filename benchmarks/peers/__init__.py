"""Peers: scripts that run with the packages of `peers.txt` and none of ours."""
