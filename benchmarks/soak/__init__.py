"""The product for a long time under mixed load: nothing may grow."""
