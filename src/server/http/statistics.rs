//! Statistics of the monitoring center, for its supervisors. They name no home, because the
//! center's staff see a home only while it needs help.

use super::{
    errors::{ApiError, Problems},
    extract::Supervisor,
};
use crate::{
    api::statistics::Statistics,
    domain::time::Timestamp,
    server::{
        clock::Clock,
        dc09::receiver::Receiver,
        engine::Current,
        evidence::{row, word},
        limits::Limits,
        presenters::statistics::{self as presenter, Handled},
        state::{AppState, handles},
        store::{Reads, StoreError},
        tasks::compute,
    },
};
use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
    http::header,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use std::{sync::Arc, time::Duration};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The period without a parameter, days.
const DAYS: u16 = 30;
/// The longest period, days.
const DAYS_MOST: u16 = 400;
/// The incidents that are in memory at the same time, each with its history.
const PAGE: u32 = 250;
/// The most pages that count: 5,000 incidents. Older ones are left out.
const PAGES_MOST: u32 = 20;

/// The routes of the statistics.
pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(statistics))
}

/// Selects the period and the format.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// The length of the period until now, days: 1 to 400.
    #[param(minimum = 1, maximum = 400)]
    days: Option<u16>,
    /// The format: `json` by default, or `csv` with a line for each incident.
    #[serde(default)]
    #[param(inline)]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Format {
    #[default]
    Json,
    Csv,
}

/// Statistics of the monitoring center: how long its steps took, and how often nobody had needed
/// help.
#[utoipa::path(
    get,
    path = "/api/v1/center/statistics",
    tag = "center",
    params(Asked),
    responses((status = 200, content((Statistics = "application/json"), (String = "text/csv"))), Problems),
)]
pub async fn statistics(
    State(counting): State<Counting>,
    Supervisor(signed_in): Supervisor,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, ApiError> {
    let wrong = || ApiError::field("days", "Give 1 to 400 days, and “json” or “csv”.");
    let Query(Asked { days, format }) = asked.map_err(|_| wrong())?;
    let days = days.unwrap_or(DAYS);
    if !(1..=DAYS_MOST).contains(&days) {
        return Err(wrong());
    }
    let since = counting.clock.now() - Duration::from_secs(u64::from(days) * 86_400);
    let (limits, account) = (counting.limits.clone(), signed_in.account.id);
    let counted = counting.statistics(since, format);
    let counted = limits.histories.run(&account, "statistics", counted).await?;
    counted.unwrap_or_else(|| Err(ApiError::internal()))
}

handles! {
    /// Counts incidents. Replaying thousands of histories takes seconds, so that happens beside the
    /// threads of the runtime.
    pub struct Counting {
        reads: Arc<dyn Reads>,
        clock: Arc<Clock>,
        receiver: Option<Arc<Receiver>>,
        limits: Arc<Limits>,
    }
}

impl Counting {
    async fn statistics(self, since: Timestamp, format: Format) -> Result<Response, ApiError> {
        let all = self.handled_since(since).await?;
        let heard = self.receiver.as_ref().map(|receiver| receiver.all_heard()).unwrap_or_default();
        let write = move || match format {
            Format::Csv => {
                let head = [
                    (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
                    (header::CONTENT_DISPOSITION, "attachment; filename=\"center.csv\""),
                ];
                (head, csv(&all)).into_response()
            }
            Format::Json => Json(presenter::present(since, &all, heard)).into_response(),
        };
        compute("statistics", since, write).await.ok_or_else(ApiError::internal)
    }

    /// Summarizes the incidents since then, the newest first.
    ///
    /// # Errors
    /// The store, or an incident that cannot be read.
    async fn handled_since(&self, since: Timestamp) -> Result<Vec<Handled>, ApiError> {
        let (mut all, mut from) = (Vec::new(), None);
        for _ in 0..PAGES_MOST {
            let page = self.reads.incidents_since(since, from, PAGE).await?;
            let summarize = move || {
                let handled = |stored| {
                    let Current { incident, history } = Current::load(stored)?;
                    Ok(Handled::of(&incident, &history))
                };
                page.incidents.into_iter().map(handled).collect()
            };
            let handled: Option<Result<Vec<_>, StoreError>> =
                compute("statistics", since, summarize).await;
            all.extend(handled.ok_or_else(ApiError::internal)??.into_iter().flatten());
            from = page.next;
            if from.is_none() {
                break;
            }
        }
        Ok(all)
    }
}

fn csv(all: &[Handled]) -> String {
    let seconds = |ms: Option<u64>| {
        ms.map(|ms| format!("{}.{:03}", ms / 1_000, ms % 1_000)).unwrap_or_default()
    };
    let mut text = row(&[
        "incident",
        "services",
        "since",
        "claimed_s",
        "called_s",
        "requested_s",
        "accepted_s",
        "over_s",
        "first_call",
        "false_alarm",
        "operators",
    ]);
    for one in all {
        let services: Vec<String> = one.services.iter().map(word).collect();
        text.push_str(&row(&[
            &one.incident.to_string(),
            &services.join(" "),
            &one.since.to_string(),
            &seconds(one.claimed_ms),
            &seconds(one.called_ms),
            &seconds(one.requested_ms),
            &seconds(one.accepted_ms),
            &seconds(one.over_ms),
            &one.outcome.map(|outcome| word(&outcome)).unwrap_or_default(),
            if one.false_alarm { "yes" } else { "no" },
            &one.operators.join(" "),
        ]));
    }
    text
}
