//! Rows to the columns of a Parquet file, a group of rows at a time.

use std::{fs::File, sync::Arc};

use parquet::{
    basic::{ConvertedType, LogicalType, Repetition, Type as PhysicalType},
    data_type::{ByteArray, ByteArrayType, Int64Type},
    errors::ParquetError,
    file::{properties::WriterProperties, writer::SerializedFileWriter},
    schema::types::Type,
};
use rusqlite::types::ValueRef;

use super::{Cell, Column};

/// Rows in one group: what is kept in memory.
const GROUP_ROWS: usize = 65_536;

/// A file that is being written.
pub(super) struct ParquetFile {
    writer: SerializedFileWriter<File>,
    columns: Vec<Values>,
    names: Vec<String>,
    rows: usize,
}

/// The values of one column in the group that is being filled.
struct Values {
    kind: Kind,
    /// 1 for a value, 0 for none; only where there may be none.
    present: Option<Vec<i16>>,
}

enum Kind {
    Whole(Vec<i64>),
    Text(Vec<ByteArray>),
}

impl ParquetFile {
    pub(super) fn create(file: File, table: &str, columns: &[Column]) -> Result<Self, String> {
        let fields = columns.iter().map(|column| field(column).map(Arc::new));
        let fields = fields.collect::<Result<_, _>>().map_err(|error| error.to_string())?;
        let schema = Type::group_type_builder(table).with_fields(fields).build();
        let schema = Arc::new(schema.map_err(|error| error.to_string())?);
        let properties = Arc::new(WriterProperties::builder().build());
        let writer = SerializedFileWriter::new(file, schema, properties);
        Ok(Self {
            writer: writer.map_err(|error| error.to_string())?,
            columns: columns.iter().map(Values::of).collect(),
            names: columns.iter().map(|column| column.name.clone()).collect(),
            rows: 0,
        })
    }

    pub(super) fn push(&mut self, cells: &[ValueRef<'_>]) -> Result<(), String> {
        for ((values, name), cell) in self.columns.iter_mut().zip(&self.names).zip(cells) {
            values.push(*cell).map_err(|problem| format!("column {name} {problem}"))?;
        }
        self.rows += 1;
        if self.rows == GROUP_ROWS {
            self.write_group().map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<(), String> {
        self.write_group().map_err(|error| error.to_string())?;
        self.writer.close().map_err(|error| error.to_string())?;
        Ok(())
    }

    fn write_group(&mut self) -> Result<(), ParquetError> {
        if self.rows == 0 {
            return Ok(());
        }
        let mut group = self.writer.next_row_group()?;
        for values in &mut self.columns {
            let Some(mut column) = group.next_column()? else { break };
            let present = values.present.as_deref();
            match &values.kind {
                Kind::Whole(numbers) => {
                    column.typed::<Int64Type>().write_batch(numbers, present, None)?;
                }
                Kind::Text(texts) => {
                    column.typed::<ByteArrayType>().write_batch(texts, present, None)?;
                }
            }
            column.close()?;
            values.clear();
        }
        group.close()?;
        self.rows = 0;
        Ok(())
    }
}

impl Values {
    fn of(column: &Column) -> Self {
        let kind = if column.whole { Kind::Whole(Vec::new()) } else { Kind::Text(Vec::new()) };
        Self { kind, present: column.optional.then(Vec::new) }
    }

    fn push(&mut self, cell: ValueRef<'_>) -> Result<(), String> {
        let there = cell != ValueRef::Null;
        match &mut self.present {
            Some(present) => present.push(there.into()),
            None if there => {}
            None => return Err("is null, which it never should be".to_owned()),
        }
        if !there {
            return Ok(());
        }
        match (&mut self.kind, cell) {
            (Kind::Whole(numbers), ValueRef::Integer(number)) => numbers.push(number),
            (Kind::Whole(_), _) => return Err("holds something else than a whole number".into()),
            (Kind::Text(texts), cell) => {
                texts.push(ByteArray::from(Cell::of(cell).into_text().into_bytes()));
            }
        }
        Ok(())
    }

    fn clear(&mut self) {
        match &mut self.kind {
            Kind::Whole(numbers) => numbers.clear(),
            Kind::Text(texts) => texts.clear(),
        }
        if let Some(present) = &mut self.present {
            present.clear();
        }
    }
}

fn field(column: &Column) -> Result<Type, ParquetError> {
    let repetition = if column.optional { Repetition::OPTIONAL } else { Repetition::REQUIRED };
    if column.whole {
        let field = Type::primitive_type_builder(&column.name, PhysicalType::INT64);
        return field.with_repetition(repetition).build();
    }
    Type::primitive_type_builder(&column.name, PhysicalType::BYTE_ARRAY)
        .with_converted_type(ConvertedType::UTF8)
        .with_logical_type(Some(LogicalType::String))
        .with_repetition(repetition)
        .build()
}
