"""What is the same in every store that speaks SQL: the rules, written once over named statements.

An engine brings its `.sql` files, under the names that are used here, and a `Transaction`.
"""
