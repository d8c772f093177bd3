"""What differs between two catalogs, over Polars.

python diff_polars.py BEFORE.csv AFTER.csv OUT.csv
"""

import sys

import polars as pl

before, after, out = sys.argv[1:]
before = pl.scan_csv(before, infer_schema=False)
after = pl.scan_csv(after, infer_schema=False)
columns = after.collect_schema().names()

row = pl.struct(columns)
change = (
    pl.when(pl.col("before").is_null())
    .then(pl.lit("new"))
    .when(pl.col("after").is_null())
    .then(pl.lit("removed"))
    .otherwise(pl.lit("changed"))
)
(
    before.select("sku", before=row)
    .join(after.select("sku", after=row), on="sku", how="full", coalesce=True)
    .filter(pl.col("before").ne_missing(pl.col("after")))
    .select(
        change.alias("change"),
        "sku",
        *[pl.col("after").struct.field(name) for name in columns if name != "sku"],
    )
    .sink_csv(out)
)
