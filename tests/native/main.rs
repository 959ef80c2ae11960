//! One binary for every native test: the pure core, the store, the engine, the API, and the shape
//! of the repository.

mod domain;
mod server;
mod tidy;
