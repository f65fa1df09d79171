"""A team's stack (``infra/compose.yaml``): what runs inside its containers, and beside them."""
