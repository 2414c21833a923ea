//! The real binary, whose wall clock is shifted by a library that is preloaded: shim.c, built here.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::LazyLock,
};

use doorbuster::{
    clock::{Clock, WallClock},
    grpc::proto::{
        self, ItemPhase, OrderState, item_service_client::ItemServiceClient,
        purchase_service_client::PurchaseServiceClient, sale_service_client::SaleServiceClient,
    },
};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tonic::transport::Channel;

use crate::{
    support::{PATIENCE, create_sale, item, order, pay, place, timestamp},
    web::ask,
};

/// The library that shifts the wall clock, built once.
static SHIM: LazyLock<(TempDir, PathBuf)> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    let library = dir.path().join("shim.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/clock/shim.c");
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(&library)
        .arg(source)
        .arg("-ldl")
        .status()
        .expect("a C compiler is there");
    assert!(built.success());
    (dir, library)
});

/// The real server in a process of its own, whose wall clock a file shifts.
struct Server {
    child: Child,
    dir: TempDir,
    channel: Channel,
    web: SocketAddr,
}

impl Server {
    async fn start(step_seconds: u64) -> Self {
        Self::start_on(tempfile::tempdir().unwrap(), step_seconds).await
    }

    async fn start_on(dir: TempDir, step_seconds: u64) -> Self {
        fs::write(dir.path().join("off"), "0").unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_doorbuster"))
            .args(["serve", "--json", "--listen", "127.0.0.1:0", "--web", "127.0.0.1:0"])
            .args([
                "--http",
                "off",
                "--board",
                "off",
                "--clock-step-seconds",
                &step_seconds.to_string(),
                "--data",
            ])
            .arg(dir.path().join("data"))
            .env("LD_PRELOAD", &SHIM.1)
            .env("WALL_CLOCK_OFF", dir.path().join("off"))
            .stdout(Stdio::piped())
            .stderr(
                fs::File::options().create(true).append(true).open(dir.path().join("err")).unwrap(),
            )
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: serde_json::Value = serde_json::from_str(&line).expect("its addresses as JSON");
        let web = said["web"].as_str().unwrap().trim_start_matches("http://").parse().unwrap();
        let url = said["url"].as_str().unwrap().to_owned();
        let channel = Channel::from_shared(url).unwrap().connect().await.unwrap();
        let server = Self { child, dir, channel, web };
        server.until_ready(200, "true").await;
        server
    }

    /// From now on the wall clock of the server is that far off.
    fn shift(&self, ms: i64) {
        // Written aside and put in its place, so that it is never read half written.
        let (aside, file) = (self.dir.path().join("off.new"), self.dir.path().join("off"));
        fs::write(&aside, ms.to_string()).unwrap();
        fs::rename(aside, file).unwrap();
    }

    /// Waits until `/readyz` says that.
    async fn until_ready(&self, status: u16, words: &str) {
        self.until("/readyz", |said, body| said == status && body.contains(words)).await;
    }

    /// Waits until `/metrics` has that line.
    async fn until_figure(&self, line: &str) {
        self.until("/metrics", |_, body| body.lines().any(|found| found == line)).await;
    }

    async fn until(&self, path: &str, is_so: impl Fn(u16, &str) -> bool) {
        let asked = async {
            loop {
                let said = ask(self.web, "GET", path).await;
                if is_so(said.status, &said.body) {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        let came = tokio::time::timeout(PATIENCE, asked).await;
        came.unwrap_or_else(|_| panic!("{path} never said so; {}", self.log()));
    }

    /// What the server wrote into its log.
    fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("err")).unwrap()
    }

    /// An item of a sale that is open for an hour.
    async fn put_up(&self, seconds_to_pay: i64) -> String {
        let now = WallClock.now();
        let mut request = create_sale(vec![item("phone", &[("shanghai", 100)])]);
        let sale = request.sale.as_mut().unwrap();
        sale.open_time = Some(timestamp(now.plus(-60_000)));
        sale.close_time = Some(timestamp(now.plus(3_600_000)));
        sale.items[0].time_to_pay =
            Some(prost_types::Duration { seconds: seconds_to_pay, nanos: 0 });
        let sale = SaleServiceClient::new(self.channel.clone()).create_sale(request).await.unwrap();
        sale.into_inner().sale.unwrap().items[0].item_id.clone()
    }

    async fn place(&self, item: &str, buyer: &str) -> proto::Order {
        let mut purchases = PurchaseServiceClient::new(self.channel.clone());
        order(&purchases.place_order(place(item, buyer, 1)).await.unwrap().into_inner())
    }

    async fn shown(&self, item: &str) -> proto::Item {
        let request = proto::GetItemRequest { item_id: item.to_owned() };
        let answer = ItemServiceClient::new(self.channel.clone()).get_item(request).await.unwrap();
        answer.into_inner().item.unwrap()
    }

    async fn until_held(&self, item: &str, units: i64) {
        let asked = async {
            while self.shown(item).await.held_units != units {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, asked).await.expect("holds end in time");
    }

    async fn order_now(&self, order: &proto::Order) -> proto::Order {
        let request = proto::GetOrderRequest {
            item_id: order.item_id.clone(),
            order_id: order.order_id.clone(),
            buyer: order.buyer.clone(),
        };
        let mut purchases = PurchaseServiceClient::new(self.channel.clone());
        purchases.get_order(request).await.unwrap().into_inner().order.unwrap()
    }

    /// Stops in good order; the log must be sound.
    fn stop(mut self) -> TempDir {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        assert!(self.child.wait().unwrap().success());
        let dir = std::mem::replace(&mut self.dir, tempfile::tempdir().unwrap());
        let proof = audit::verify(&dir.path().join("data"), &mut |_, _| {}).unwrap();
        assert!(proof.ok(), "{proof}");
        dir
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn pay_by_ms(order: &proto::Order) -> i64 {
    let time = order.pay_by_time.unwrap();
    time.seconds * 1000 + i64::from(time.nanos) / 1_000_000
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hours_ahead_for_a_moment_end_no_hold_and_no_sale() {
    let server = Server::start(60).await;
    let (short, long) = (server.put_up(3).await, server.put_up(600).await);
    let (ann, bob) = (server.place(&short, "ann").await, server.place(&long, "bob").await);
    server.shift(7_200_000);
    server.until_ready(503, "clock").await;
    server.until_figure(r#"doorbuster_alerts_firing{severity="critical"} 1"#).await;
    // An event while the clock is wrong: the hold ends in its time and not before.
    server.until_held(&short, 0).await;
    assert_eq!(server.order_now(&ann).await.state(), OrderState::Expired);
    assert_eq!(server.order_now(&bob).await.state(), OrderState::Held);
    let eve = server.place(&short, "eve").await;
    assert!(pay_by_ms(&eve) < WallClock.now().0 + 60_000);
    server.shift(0);
    server.until_ready(200, "true").await;
    server.until_figure("doorbuster_clock_jumps_total 1").await;
    server.place(&short, "fay").await;
    assert_eq!(server.shown(&short).await.phase(), ItemPhase::Open);
    assert!(server.log().contains("the wall clock jumped"), "{}", server.log());

    let server = Server::start_on(server.stop(), 60).await;
    server.place(&short, "gus").await;
    assert_eq!(server.order_now(&bob).await.state(), OrderState::Held);
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_hour_back_holds_end_in_time_all_the_same() {
    let server = Server::start(600).await;
    let item = server.put_up(3).await;
    server.place(&item, "ann").await;
    server.shift(-3_600_000);
    server.until_held(&item, 0).await;
    let bob = server.place(&item, "bob").await;
    assert!((pay_by_ms(&bob) - WallClock.now().0).abs() < 60_000);
    server.until_held(&item, 0).await;
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_was_set_for_good_is_taken_over_and_live_deadlines_move_along() {
    for off_ms in [1_800_000, -1_800_000] {
        let server = Server::start(2).await;
        let item = server.put_up(600).await;
        // Open for another half an hour by either clock.
        let ann = server.place(&item, "ann").await;
        if off_ms < 0 {
            server.shift(1_800_000);
            server.until_figure("doorbuster_clock_steps_total 1").await;
        }
        let before = server.order_now(&ann).await;
        server.shift(if off_ms < 0 { 0 } else { off_ms });
        let steps = if off_ms < 0 { 2 } else { 1 };
        server.until_figure(&format!("doorbuster_clock_steps_total {steps}")).await;
        server.until_ready(200, "true").await;
        let after = server.order_now(&ann).await;
        assert_eq!(after.state(), OrderState::Held);
        let moved_ms = pay_by_ms(&after) - pay_by_ms(&before);
        assert!((moved_ms - off_ms).abs() <= 1_000, "{moved_ms}");
        let bob = server.place(&item, "bob").await;
        let to_pay_ms = pay_by_ms(&bob) - pay_by_ms(&after);
        assert!((0..120_000).contains(&to_pay_ms), "both go by one clock: {to_pay_ms}");
        let mut purchases = PurchaseServiceClient::new(server.channel.clone());
        let paid = purchases.record_payment(pay(&ann)).await.unwrap().into_inner();
        assert!(
            matches!(paid.outcome, Some(proto::record_payment_response::Outcome::Order(_))),
            "{paid:?}"
        );
        server.stop();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_on_a_log_from_the_future_is_said_and_is_not_ready_until_it_has_stayed_so() {
    let server = Server::start(1).await;
    let item = server.put_up(600).await;
    server.shift(1_800_000);
    server.until_figure("doorbuster_clock_steps_total 1").await;
    server.place(&item, "ann").await;
    // Its wall clock is right again, half an hour before the newest event.
    let server = Server::start_on(server.stop(), 3).await;
    for words in ["lies in the future", "clock_untrusted"] {
        assert!(server.log().contains(words), "{}", server.log());
    }
    server.place(&item, "bob").await;
    server.stop();
}
