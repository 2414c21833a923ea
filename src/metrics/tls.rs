//! Metrics of TLS: handshakes, and until when the certificate is valid.

use std::sync::atomic::Ordering;

use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use super::{
    gauge,
    register::{Labels, Seconds},
};

/// What is read off where connections are encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TlsReading {
    /// Handshakes by what became of them.
    pub done: u64,
    pub failed: u64,
    pub unfinished: u64,
    /// When the certificate expires, in seconds since 1970.
    pub expires_s: i64,
    /// The files hold what cannot be used; what was there before is in use.
    pub stale: bool,
}

pub(super) struct TlsFigures {
    handshakes: [Counter; 3],
    expires: Seconds,
    stale: Gauge,
}

impl TlsFigures {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let family: Family<Labels<1>, Counter> = Family::default();
        let handshakes = ["done", "failed", "unfinished"]
            .map(|result| family.get_or_create_owned(&[("result", result)]));
        registry.register(
            "doorbuster_tls_handshakes",
            "Handshakes of TLS, by what became of them",
            family,
        );
        let expires = Seconds::default();
        registry.register(
            "doorbuster_tls_certificate_expires_seconds",
            "When the certificate in use expires, since 1970; 0 without one",
            expires.clone(),
        );
        let stale = gauge(
            registry,
            "doorbuster_tls_files_refused",
            "1 while the files of TLS cannot be used and those before are in use, else 0",
        );
        Self { handshakes, expires, stale }
    }

    pub(super) fn set(&self, reading: Option<TlsReading>) {
        let Some(reading) = reading else { return };
        let counts = [reading.done, reading.failed, reading.unfinished];
        for (counter, count) in self.handshakes.iter().zip(counts) {
            // Counted where it happens, from the start on as counters are.
            counter.inner().store(count, Ordering::Relaxed);
        }
        #[expect(clippy::cast_precision_loss, reason = "seconds of this age fit exactly")]
        self.expires.set(reading.expires_s as f64);
        self.stale.set(reading.stale.into());
    }
}
