"""What the application needs from outside: small Protocols, met structurally by the adapters."""
