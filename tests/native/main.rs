//! One binary for every native test: the core, the store, the engine, the API, and the repository.

mod documents;
mod domain;
mod layers;
mod newer;
mod server;
mod tidy;
