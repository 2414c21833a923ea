//! Answers that are read page by page.

use crate::{
    reports::{Page, Paging, ReportError, TimelineQuery},
    values::SaleId,
};

pub(super) fn of_sale(sale_id: SaleId) -> TimelineQuery {
    TimelineQuery { sale_id: Some(sale_id), ..TimelineQuery::default() }
}

/// Every row of an answer, page by page.
pub(super) fn each<T>(
    page_size: i32,
    mut page: impl FnMut(Paging) -> Result<Page<T>, ReportError>,
    mut row: impl FnMut(T),
) -> Result<(), ReportError> {
    let mut page_token = String::new();
    loop {
        let answer = page(Paging { page_size, page_token })?;
        answer.rows.into_iter().for_each(&mut row);
        if answer.next_page_token.is_empty() {
            return Ok(());
        }
        page_token = answer.next_page_token;
    }
}
