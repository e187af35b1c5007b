"""Tests that try to get past the riskguard, and the oracle that says whether anything did."""
