"""What was in stores of earlier schemas: `0001.sql` fills a store of schema 1."""
