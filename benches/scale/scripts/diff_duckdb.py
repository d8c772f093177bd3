"""What differs between two catalogs, over DuckDB.

python diff_duckdb.py BEFORE.csv AFTER.csv OUT.csv
"""

import sys

import duckdb

before, after, out = sys.argv[1:]
duckdb.execute(
    f"""
    COPY (
        WITH before AS (FROM read_csv('{before}', all_varchar = true)),
             after AS (FROM read_csv('{after}', all_varchar = true))
        SELECT
            CASE
                WHEN before.sku IS NULL THEN 'new'
                WHEN after.sku IS NULL THEN 'removed'
                ELSE 'changed'
            END AS change,
            sku,
            after.* EXCLUDE (sku)
        FROM before FULL JOIN after USING (sku)
        WHERE before IS DISTINCT FROM after
    ) TO '{out}' (HEADER)
    """
)
