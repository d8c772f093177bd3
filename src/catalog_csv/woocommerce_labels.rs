//! The column labels of WooCommerce's product export in the shop's language.
//!
//! The exporter translates its header, so a column is known by any of these labels. Labels are compared in lower
//! case, without the unit in brackets, with straight apostrophes and single blanks; `N` stands for a number.

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Label {
    Id,
    Type,
    Sku,
    Gtin,
    Name,
    Published,
    ShortDescription,
    Description,
    SaleStarts,
    SaleEnds,
    InStock,
    Stock,
    Weight,
    Length,
    Width,
    Height,
    SalePrice,
    RegularPrice,
    Categories,
    Tags,
    Images,
    Parent,
    Cost,
    Brands,
    AttributeName,
    AttributeValues,
}

/// English, German (two generations), French, Spanish, Italian, Dutch, Portuguese (both), Polish, Swedish, Turkish.
const LABELS: &[(Label, &[&str])] = &[
    (Label::Id, &["id", "identifiant", "identyfikator", "kimlik"]),
    (Label::Type, &["type", "typ", "tipo", "rodzaj", "tür"]),
    (
        Label::Sku,
        &[
            "sku",
            "artikelnummer",
            "art.-nr.",
            "ugs",
            "cod",
            "ref",
            "stok kodu",
            "stok kodu (sku)",
            "sku (stok kodu)",
        ],
    ),
    (
        Label::Gtin,
        &[
            "gtin, upc, ean, or isbn",
            "gtin, upc, ean oder isbn",
            "gtin, upc, ean ou isbn",
            "gtin, upc, ean o isbn",
            "gtin, upc, ean, o isbn",
            "gtin, upc, ean of isbn",
            "gtin, upc, ean lub isbn",
            "gtin, upc, ean eller isbn",
            "gtin, upc, ean veya isbn",
            "gtin, upc, ean ya da isbn",
        ],
    ),
    (
        Label::Name,
        &[
            "name", "nom", "nombre", "nome", "naam", "nazwa", "namn", "isim", "ad",
        ],
    ),
    (
        Label::Published,
        &[
            "published",
            "veröffentlicht",
            "publié",
            "publicado",
            "pubblicato",
            "gepubliceerd",
            "opublikowano",
            "opublikowany",
            "publicerad",
            "yayımlanmış",
            "yayınlanmış",
            "yayınlandı",
        ],
    ),
    (
        Label::ShortDescription,
        &[
            "short description",
            "kurzbeschreibung",
            "description courte",
            "descripción corta",
            "breve descrizione",
            "descrizione breve",
            "korte beschrijving",
            "korte omschrijving",
            "descrição curta",
            "breve descrição",
            "krótki opis",
            "kort beskrivning",
            "kısa açıklama",
        ],
    ),
    (
        Label::Description,
        &[
            "description",
            "beschreibung",
            "descripción",
            "descrizione",
            "beschrijving",
            "descrição",
            "opis",
            "beskrivning",
            "açıklama",
        ],
    ),
    (
        Label::SaleStarts,
        &[
            "date sale price starts",
            "datum, an dem angebotspreis beginnt",
            "date de début de promo",
            "día en que empieza el precio rebajado",
            "data inizio prezzo in offerta",
            "data di inizio del prezzo in offerta",
            "datum actieprijs begint",
            "startdatum actieprijs",
            "data de preço promocional começa em",
            "data de início do preço promocional",
            "data rozpoczęcia promocji",
            "data rozpoczęcia ceny promocyjnej",
            "datum då reapris börjar",
            "startdatum för reapris",
            "indirimli fiyatın başladığı tarih",
            "indirimli fiyat başlangıç tarihi",
        ],
    ),
    (
        Label::SaleEnds,
        &[
            "date sale price ends",
            "datum, an dem angebotspreis endet",
            "date de fin de promo",
            "día en que termina el precio rebajado",
            "data fine prezzo in offerta",
            "data di fine del prezzo in offerta",
            "datum actieprijs eindigt",
            "einddatum actieprijs",
            "data de preço promocional termina em",
            "data de fim do preço promocional",
            "data zakończenia promocji",
            "data zakończenia ceny promocyjnej",
            "datum då reapris slutar",
            "slutdatum för reapris",
            "indirimli fiyatın bittiği tarih",
            "indirimli fiyat bitiş tarihi",
        ],
    ),
    (
        Label::InStock,
        &[
            "in stock?",
            "vorrätig?",
            "auf lager?",
            "en stock?",
            "¿en inventario?",
            "¿existencias?",
            "¿hay existencias?",
            "disponibile?",
            "in magazzino?",
            "op voorraad?",
            "em estoque?",
            "em stock?",
            "w magazynie?",
            "na stanie?",
            "i lager?",
            "stokta?",
            "stokta mı?",
        ],
    ),
    (
        Label::Stock,
        &[
            "stock",
            "lager",
            "bestand",
            "lagerbestand",
            "inventario",
            "existencias",
            "magazzino",
            "voorraad",
            "estoque",
            "stan magazynowy",
            "magazyn",
            "zapas",
            "lagersaldo",
            "stok",
        ],
    ),
    (
        Label::Weight,
        &[
            "weight",
            "gewicht",
            "poids",
            "peso",
            "waga",
            "vikt",
            "ağırlık",
        ],
    ),
    (
        Label::Length,
        &[
            "length",
            "länge",
            "longueur",
            "longitud",
            "lunghezza",
            "lengte",
            "comprimento",
            "długość",
            "längd",
            "uzunluk",
        ],
    ),
    (
        Label::Width,
        &[
            "width",
            "breite",
            "largeur",
            "anchura",
            "ancho",
            "larghezza",
            "breedte",
            "largura",
            "szerokość",
            "bredd",
            "genişlik",
        ],
    ),
    (
        Label::Height,
        &[
            "height",
            "höhe",
            "hauteur",
            "altura",
            "alto",
            "altezza",
            "hoogte",
            "wysokość",
            "höjd",
            "yükseklik",
        ],
    ),
    (
        Label::SalePrice,
        &[
            "sale price",
            "angebotspreis",
            "tarif promo",
            "prix promo",
            "precio rebajado",
            "prezzo in offerta",
            "prezzo scontato",
            "actieprijs",
            "aanbiedingsprijs",
            "preço promocional",
            "preço de venda",
            "cena promocyjna",
            "cena wyprzedażowa",
            "reapris",
            "rea-pris",
            "kampanjpris",
            "indirimli satış fiyatı",
            "indirimli fiyat",
        ],
    ),
    (
        Label::RegularPrice,
        &[
            "regular price",
            "regulärer preis",
            "normaler preis",
            "tarif régulier",
            "prix régulier",
            "tarif normal",
            "precio normal",
            "prezzo di listino",
            "prezzo normale",
            "reguliere prijs",
            "normale prijs",
            "preço",
            "preço normal",
            "preço regular",
            "cena regularna",
            "cena",
            "ordinarie pris",
            "normalpris",
            "normal fiyat",
        ],
    ),
    (
        Label::Categories,
        &[
            "categories",
            "kategorien",
            "catégories",
            "categorías",
            "categorie",
            "categorieën",
            "categorias",
            "kategorie",
            "kategorier",
            "kategoriler",
        ],
    ),
    (
        Label::Tags,
        &[
            "tags",
            "schlagwörter",
            "étiquettes",
            "etiquetas",
            "tag",
            "tagi",
            "znaczniki",
            "etiketter",
            "taggar",
            "etiketler",
        ],
    ),
    (
        Label::Images,
        &[
            "images",
            "bilder",
            "imágenes",
            "immagini",
            "afbeeldingen",
            "imagens",
            "obrazki",
            "obrazy",
            "görseller",
            "resimler",
        ],
    ),
    (
        Label::Parent,
        &[
            "parent",
            "übergeordnetes produkt",
            "übergeordnet",
            "superior",
            "padre",
            "genitore",
            "principale",
            "hoofd",
            "hoofdproduct",
            "bovenliggend",
            "ascendente",
            "pai",
            "principal",
            "nadrzędny",
            "produkt nadrzędny",
            "rodzic",
            "överordnad",
            "huvudprodukt",
            "förälder",
            "ebeveyn",
            "üst",
        ],
    ),
    (
        Label::Cost,
        &[
            "cost of goods",
            "warenkosten",
            "coût des marchandises",
            "coste de los bienes",
            "koszt towarów",
        ],
    ),
    (
        Label::Brands,
        &[
            "brands",
            "marken",
            "marques",
            "marcas",
            "marchi",
            "merken",
            "marki",
            "varumärken",
            "markalar",
        ],
    ),
    (
        Label::AttributeName,
        &[
            "attribute N name",
            "attribut N name",
            "name des attributs N",
            "nom de l'attribut N",
            "nombre del atributo N",
            "nome dell'attributo N",
            "nome attributo N",
            "naam eigenschap N",
            "attribuut N naam",
            "naam attribuut N",
            "nome do atributo N",
            "nazwa atrybutu N",
            "atrybut N nazwa",
            "attribut N namn",
            "attributnamn N",
            "namn på attribut N",
            "nitelik N ismi",
            "nitelik N adı",
        ],
    ),
    (
        Label::AttributeValues,
        &[
            "attribute N value(s)",
            "attribut N wert(e)",
            "wert(e) des attributs N",
            "valeur(s) de l'attribut N",
            "valor(es) del atributo N",
            "valore dell'attributo N",
            "valori dell'attributo N",
            "valore(i) attributo N",
            "valori attributo N",
            "waarde(n) eigenschap N",
            "waarde eigenschap N",
            "attribuut N waarde(n)",
            "waarde(n) attribuut N",
            "valores do atributo N",
            "valor(es) do atributo N",
            "wartości atrybutu N",
            "wartość(ci) atrybutu N",
            "atrybut N wartość(ci)",
            "attribut N värde(n)",
            "attributvärde(n) N",
            "värde(n) för attribut N",
            "nitelik N değer(ler)i",
            "nitelik N değerleri",
        ],
    ),
];

/// What a header of the file means: the label, the number of an attribute, the unit in brackets.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub label: Label,
    pub number: u32,
    pub unit: Option<String>,
}

pub(super) fn known(header: &str) -> Option<Known> {
    let text = header
        .to_lowercase()
        .replace('’', "'")
        .replace(" ?", "?")
        .replace('\u{A0}', " ")
        .replace(" ?", "?");
    // Turkish `İ` becomes an `i` with a dot of its own.
    let text = text.replace('\u{307}', "");
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let plain = |text: &str, unit: Option<&str>| {
        let (label, _) = LABELS.iter().find(|(_, labels)| labels.contains(&text))?;
        Some(Known {
            label: *label,
            number: 0,
            unit: unit.map(str::to_owned),
        })
    };
    if let Some(known) = plain(&text, None) {
        return Some(known);
    }
    if let Some((name, unit)) = text
        .strip_suffix(')')
        .and_then(|text| text.rsplit_once(" ("))
    {
        return plain(name, Some(unit)).filter(|known| {
            matches!(
                known.label,
                Label::Weight | Label::Length | Label::Width | Label::Height
            )
        });
    }
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let number: u32 = digits.parse().ok()?;
    plain(&text.replacen(&digits, "N", 1), None).map(|known| Known { number, ..known })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn no_label_has_two_meanings() {
        let mut seen = HashMap::new();
        for (label, texts) in LABELS {
            for text in *texts {
                if let Some(other) = seen.insert(*text, *label) {
                    assert_eq!(other, *label, "{text}");
                }
                let header = text.replace('N', "3");
                assert_eq!(
                    known(&header).map(|known| known.label),
                    Some(*label),
                    "{text}"
                );
            }
        }
    }

    #[test]
    fn headers_are_known_in_any_dress() {
        let label = |header| known(header).map(|known| (known.label, known.number, known.unit));
        assert_eq!(label("Regular Price"), Some((Label::RegularPrice, 0, None)));
        assert_eq!(
            label("Weight (lbs)"),
            Some((Label::Weight, 0, Some("lbs".into())))
        );
        assert_eq!(
            label("Nom de l’attribut 12"),
            Some((Label::AttributeName, 12, None))
        );
        assert_eq!(label("En stock ?"), Some((Label::InStock, 0, None)));
        assert_eq!(label("İsim"), Some((Label::Name, 0, None)));
        assert_eq!(
            label("Wert(e) des Attributs 2"),
            Some((Label::AttributeValues, 2, None))
        );
        assert_eq!(label("Attribute 1 visible"), None);
        assert_eq!(label("Download 1 URL"), None);
    }
}
