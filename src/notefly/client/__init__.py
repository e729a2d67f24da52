"""The web console: it knows the broker's REST API and nothing of what is behind it."""
