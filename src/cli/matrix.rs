//! `evidenced matrix`: the control matrix in four forms.

use super::audit::{Format, form, not_a_terminal, print};
use super::{Exit, Known, print_json};
use crate::catalogue::Category;
use crate::readiness::Matrix;
use clap::ValueEnum;
use evidenced_collectors::contract::clock::{Clock, SystemClock};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Of which categories: security, availability, confidentiality, processing-integrity, privacy. Default: all.
    #[arg(long, value_delimiter = ',', value_parser = category)]
    categories: Vec<Category>,
    /// As what. `--json` is `--format json`. Default: md.
    #[arg(long)]
    format: Option<Format>,
}

fn category(text: &str) -> Result<Category, String> {
    Category::from_str(text.trim(), true).map_err(|_| {
        let known =
            Category::value_variants().iter().filter_map(|c| Some(c.to_possible_value()?.get_name().to_owned()));
        format!("there is no such category; one of {}", known.collect::<Vec<_>>().join(", "))
    })
}

pub(super) fn matrix(known: &Known, args: &Args, json: bool) -> anyhow::Result<Exit> {
    let form = form(args.format, json, Format::Json)?;
    let categories = match args.categories.as_slice() {
        [] => Category::value_variants().iter().copied().collect(),
        some => some.iter().copied().collect(),
    };
    let matrix = Matrix::new(&known.catalogue, known.config.as_ref(), categories);
    let bytes = match form {
        Format::Json => {
            print_json(&matrix)?;
            return Ok(Exit::Ok);
        }
        Format::Md => matrix.markdown().into_bytes(),
        Format::Csv => matrix.csv()?,
        Format::Xlsx => {
            not_a_terminal("matrix")?;
            matrix.workbook(SystemClock.now())?
        }
    };
    print(&bytes)?;
    Ok(Exit::Ok)
}
