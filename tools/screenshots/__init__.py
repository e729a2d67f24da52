"""`make screenshots`: the pictures of the pages in the docs, taken from the running product."""
