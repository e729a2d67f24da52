"""The use cases: what Notefly does, in terms of ports alone."""
