//! Questions to the read models: typed queries in, pages of plain rows out.
//!
//! gRPC and the command line both ask here, so what a field, a filter or a page means is said once.
//! Every call blocks on the disk for a moment; callers on an async runtime ask from a blocking
//! thread. Nothing here writes, waits or knows a wire format.

mod audience;
mod bi;
mod bounded_sum;
mod cell;
mod export;
mod filter;
mod operations;
mod paging;
mod read_models;
mod selling;
mod share;
mod sql;
mod table_file;
mod whose;

pub use audience::*;
pub use bi::{BI_TABLES, Bi, BiColumn, BiError, BiFile, BiKind, BiTable};
pub use cell::CsvManner;
pub use export::{ExportError, Exported};
pub use operations::*;
pub use paging::Paging;
pub use read_models::{Page, ReportError, Reports};
pub use selling::*;
pub use share::share_ppm;
pub use sql::{Sql, SqlError, SqlValue};
pub use table_file::{ExportFormat, TableError};
pub use whose::Whose;

use read_models::id_at;
