//! One catalog in several shops: whoever sells a piece, all of them have one less.

use crate::shops::Shops;

const KINDS: [&str; 3] = ["vendure", "medusa", "amazon"];
const SKU: &str = "TEE-RED-M";

pub fn holds() {
    let mut shops = Shops::open(&KINDS);
    shops.sync();
    let mut stock = 12;
    stands_everywhere(&shops, stock);

    // An order on any of them lowers all of them.
    for (kind, pieces) in KINDS.into_iter().zip([2, 3, 1]) {
        shops.buy(kind, &[(SKU, pieces)]);
        shops.sync();
        stock -= i64::try_from(pieces).expect("a few");
        stands_everywhere(&shops, stock);
    }

    // Orders on all of them between two runs.
    for kind in KINDS {
        shops.buy(kind, &[(SKU, 1)]);
    }
    shops.sync();
    stock -= 3;
    stands_everywhere(&shops, stock);

    // A new count knows the orders before it; then the last pieces go.
    shops.edit(",19.90,12,red,M,", ",19.90,8,red,M,");
    shops.sync();
    stands_everywhere(&shops, 8);
    shops.buy("medusa", &[(SKU, 8)]);
    shops.sync();
    stands_everywhere(&shops, 0);

    let orders = shops.world.json(&["orders", "list"]).expect(0).json();
    assert_eq!(orders["orders"].as_array().map(Vec::len), Some(7));
}

#[track_caller]
fn stands_everywhere(shops: &Shops, stock: i64) {
    for kind in KINDS {
        assert_eq!(shops.quantity(kind, SKU), Some(stock), "on {kind}");
    }
}
