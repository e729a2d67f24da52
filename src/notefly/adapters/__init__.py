"""The outside world, one adapter a thing; each meets a port."""
