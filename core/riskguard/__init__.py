"""Room of the riskguard: targets, plans, reviews, approvals."""
