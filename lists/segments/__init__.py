"""The language in which a workspace says which contacts it means.

`reading` turns JSON into a Definition or says what is wrong with it, `sql` turns a Definition into
a condition of PostgreSQL, `wording` into a sentence. All three go by the tables of `language`, and
find what a definition names, within its tenant, through `names`.
"""
