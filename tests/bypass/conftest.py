"""What the attempts share: copies of a prepared workspace, as the tests of the whole have them."""

from tests.integration.conftest import prepared, workspaces

__all__ = ["prepared", "workspaces"]
