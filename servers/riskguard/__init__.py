"""The server of the riskguard: proposes, judges and signs, explains, and halts."""
