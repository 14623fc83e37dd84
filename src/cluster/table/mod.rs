//! Objects as rows: what `kubectl get` prints is made by the server.

mod age;
mod built_in;
mod column;
mod json_path;
mod shape;

pub(super) use column::Column;
pub(super) use shape::{Include, Shape, ShapedLines, TableVersion};
