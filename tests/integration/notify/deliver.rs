//! Delivery: again until it arrives, in order, at hours when somebody may be disturbed, and on record when it never
//! will.

use super::world::{Does, Post, TWO, World, at};
use crate::cli::evidenced;
use chrono::{DateTime, TimeDelta, Utc};
use evidenced::config::Severity;
use evidenced::ledger::NewRecord;
use evidenced::ledger::record::{Body, DeliveryOutcome};
use evidenced::notify::Again;
use evidenced::notify::list::{Told, alerts, counts};
use evidenced::notify::message::{Event, Message};
use evidenced::notify::raise::Raise;
use evidenced::notify::trying::{HANGING, Trying};
use evidenced::notify::vitals::Heartbeat;
use evidenced::outside::Outside;
use evidenced_collectors::contract::clock::Clock;
use std::sync::Arc;
use std::time::Duration;

impl World {
    /// Raises an alert about something, as bad as the test wants it. Gives its record.
    pub(super) async fn raise(&self, subject: &str, severity: Severity) -> u64 {
        let runner = self.runner();
        let now = self.clock.now();
        let draft = {
            let reader = self.reader();
            let loaded = runner.loaded();
            let raise = Raise::new(&reader, &loaded).unwrap();
            let one = reader.size().unwrap();
            let message = match subject {
                "daemon" => raise.rules().config_refused("no", &format!("{one:032}"), now),
                "c" => raise.rules().source_forgetting("c", now + TimeDelta::milliseconds(one as i64), now),
                anchor => raise.rules().anchor_late(anchor, Some(one), now),
            };
            raise.draft(&Message { severity, ..message }).unwrap()
        };
        runner.append(vec![draft]).await.unwrap()[0].index
    }
}

fn route(quiet_or_digest: &str) -> String {
    format!("{TWO}[[routes]]\nchannels = ['chat', 'mail']\ntimezone = 'Europe/Berlin'\n{quiet_or_digest}\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_owed_before_a_restart_arrives_after_it_and_nothing_twice() {
    let world = World::new(TWO);
    for subject in ["daemon", "c", "a"] {
        world.raise(subject, Severity::High).await;
    }
    let mut post = Post::of(&world);
    post.chat.does(Does::Refuses(Again::Later));
    post.outbox.deliver().await.unwrap();
    assert_eq!(post.mail.letters().len(), 3, "one channel that is down keeps no other");
    assert!(post.chat.letters().is_empty());
    post.again(&world);
    post.chat.does(Does::Takes);
    for _ in 0..3 {
        post.outbox.deliver().await.unwrap();
    }
    assert_eq!(post.chat.letters(), [["daemon config_refused"], ["c source_forgetting"], ["a anchor_late"]]);
    assert_eq!(post.mail.letters().len(), 3);
    let settled = world.settled();
    assert_eq!(settled.len(), 6);
    assert!(settled.iter().all(|(_, alerts, outcome)| alerts.len() == 1 && *outcome == DeliveryOutcome::Delivered));
    assert_eq!(counts(&world.reader(), world.clock.now()).unwrap(), Default::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_is_down_is_asked_seldom_and_within_a_minute_of_being_back_has_everything() {
    let world = World::new(TWO);
    for n in 0..40 {
        world.raise(&format!("a{n}"), Severity::High).await;
    }
    let post = Post::of(&world);
    post.chat.does(Does::Refuses(Again::Later));
    for _ in 0..6 * 60 {
        post.outbox.deliver().await.unwrap();
        world.clock.advance(TimeDelta::seconds(10));
    }
    let asked = *post.chat.asked.lock().unwrap();
    assert!((60..=200).contains(&asked), "{asked} requests in an hour");
    let trying = post.outbox.trying();
    let Trying::Refused { times, why, .. } = &trying["chat"] else { panic!("{trying:?}") };
    assert!(*times >= 60 && why.contains("out of paper"), "{trying:?}");
    post.chat.does(Does::Takes);
    for _ in 0..6 {
        post.outbox.deliver().await.unwrap();
        world.clock.advance(TimeDelta::seconds(10));
    }
    assert_eq!(post.chat.letters().len(), 40);
    assert!(post.chat.delays()[0].as_ref().unwrap().contains("did not take it before"), "{:?}", post.chat.delays()[0]);
    assert!(post.outbox.trying().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_never_taken_keeps_neither_other_subjects_nor_the_channel() {
    let world = World::new(TWO);
    let bad = world.raise("a", Severity::High).await;
    let behind = world.raise("a", Severity::High).await;
    let post = Post::of(&world);
    post.chat.does(Does::Refuses(Again::Never));
    post.outbox.deliver().await.unwrap();
    assert!(
        world.settled().iter().all(|(channel, _, _)| channel == "mail"),
        "a credential may have ended: {:?}",
        world.settled()
    );
    // It takes something else, so that one is at fault itself.
    world.raise("b", Severity::High).await;
    post.chat.does(Does::Takes);
    world.clock.advance(TimeDelta::minutes(1));
    post.outbox.deliver().await.unwrap();
    assert_eq!(
        post.chat.letters(),
        [["b anchor_late"], ["a anchor_late"], ["a anchor_late"]],
        "those that were refused come last"
    );
    let bad_too = world.raise("a", Severity::High).await;
    post.chat.does(Does::TakesOnly("b"));
    post.outbox.deliver().await.unwrap();
    world.clock.advance(TimeDelta::minutes(1));
    world.raise("b", Severity::High).await;
    post.outbox.deliver().await.unwrap();
    let dead: Vec<u64> = world
        .settled()
        .into_iter()
        .filter(|(_, _, outcome)| *outcome == DeliveryOutcome::Dead)
        .flat_map(|(_, alerts, _)| alerts)
        .collect();
    assert_eq!(dead, [bad_too]);
    assert!(bad < behind);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_nobody_took_in_time_is_dead_on_record_and_the_other_channels_are_told() {
    let world = World::new(&format!("{TWO}[alerts]\ngive_up_after = '2h'\n"));
    let first = world.raise("a", Severity::High).await;
    let mut post = Post::of(&world);
    post.chat.does(Does::Refuses(Again::Later));
    post.mail.does(Does::Refuses(Again::Later));
    post.minutes(&world, 60).await;
    // That it was restarted does not matter: its own time counts.
    post.again(&world);
    post.minutes(&world, 59).await;
    assert!(world.settled().is_empty(), "{:?}", world.settled());
    post.minutes(&world, 10).await;
    let dead = world.settled();
    assert_eq!(dead.len(), 2, "dead on both: {dead:?}");
    assert!(dead.iter().all(|(_, alerts, outcome)| *alerts == [first] && *outcome == DeliveryOutcome::Dead));
    let told: Vec<Message> =
        world.alerts().into_iter().map(|(_, alert)| alert).filter(|alert| alert.event == Event::Undelivered).collect();
    assert_eq!(told.len(), 2, "each tells of the other");
    assert!(
        told[0]
            .next
            .contains(&format!("evidenced alerts test {}", told[0].subject.name().trim_start_matches("channel ")))
    );
    // And when these die too, nothing follows, for ever.
    let day = 24 * 60;
    for _ in 0..day / 10 {
        post.outbox.deliver().await.unwrap();
        world.clock.advance(TimeDelta::minutes(10));
    }
    assert_eq!(world.told().len(), 3, "{:?}", world.told());
    assert_eq!(world.settled().len(), 4);
    let listed = alerts(&world.reader(), &world.loaded(), world.clock.now()).unwrap();
    assert!(listed.iter().all(|alert| alert.is_dead() && !alert.is_owed()));
    let Told::Settled { why: Some(why), tries, .. } = &listed[0].channels["chat"] else { panic!("{listed:?}") };
    assert!(why.contains("out of paper") && *tries >= 3, "{why} {tries}");
    assert_eq!(counts(&world.reader(), world.clock.now()).unwrap().dead, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_downtime_longer_than_that_what_was_owed_is_tried_for_a_while_before_it_is_dead() {
    let world = World::new(TWO);
    world.raise("a", Severity::High).await;
    world.clock.advance(TimeDelta::days(4));
    let mut post = Post::of(&world);
    // The network comes up after the daemon.
    post.chat.does(Does::Refuses(Again::Later));
    post.minutes(&world, 20).await;
    assert!(*post.chat.asked.lock().unwrap() > 3, "it was tried");
    assert!(world.settled().iter().all(|(channel, ..)| channel == "mail"), "{:?}", world.settled());
    // A daemon that is started anew again and again has never tried for long.
    for _ in 0..3 {
        post.again(&world);
        post.minutes(&world, 50).await;
    }
    post.chat.does(Does::Takes);
    post.minutes(&world, 2).await;
    assert_eq!(post.chat.letters(), [["a anchor_late"]]);
    assert!(world.settled().iter().all(|(_, _, outcome)| *outcome == DeliveryOutcome::Delivered));
}

#[tokio::test(flavor = "multi_thread")]
async fn quiet_hours_delay_and_say_so_and_what_is_critical_takes_along_what_came_before_it() {
    let world = World::at("2026-01-05T22:30:00Z", &route("quiet = { from = '22:00', to = '07:00' }"));
    world.raise("a", Severity::High).await;
    world.raise("b", Severity::High).await;
    let post = Post::of(&world);
    post.outbox.deliver().await.unwrap();
    assert!(post.chat.letters().is_empty());
    let listed = alerts(&world.reader(), &world.loaded(), world.clock.now()).unwrap();
    let held = Told::Owed {
        held_until: Some(at("2026-01-06T06:00:00Z")),
        held_for: Some("quiet hours (22:00 to 07:00 Europe/Berlin)".into()),
    };
    assert_eq!(listed[0].channels["chat"], held);
    world.raise("a", Severity::Critical).await;
    post.outbox.deliver().await.unwrap();
    assert_eq!(post.chat.letters(), [["a anchor_late"], ["a anchor_late"]], "both of the one subject, in order");
    assert!(post.chat.delays()[0].as_ref().unwrap().contains("quiet hours (22:00 to 07:00 Europe/Berlin)"));
    assert_eq!(post.chat.delays()[1], None);
    world.clock.set(at("2026-01-06T05:59:59Z"));
    post.outbox.deliver().await.unwrap();
    assert_eq!(post.chat.letters().len(), 2);
    world.clock.set(at("2026-01-06T06:00:00Z"));
    post.outbox.deliver().await.unwrap();
    assert_eq!(post.chat.letters()[2..], [["b anchor_late"]]);
    assert_eq!(post.chat.delays()[2].as_deref(), Some("it waited for quiet hours (22:00 to 07:00 Europe/Berlin)"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_critical_waits_too_where_that_is_wanted() {
    let world =
        World::at("2026-01-05T22:30:00Z", &route("quiet = { from = '22:00', to = '07:00', critical_too = true }"));
    world.raise("a", Severity::Critical).await;
    let post = Post::of(&world);
    post.outbox.deliver().await.unwrap();
    assert!(post.chat.letters().is_empty());
    world.clock.set(at("2026-01-06T06:00:00Z"));
    post.outbox.deliver().await.unwrap();
    assert_eq!(post.chat.letters().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_is_one_letter_at_its_hour() {
    let world = World::at("2026-01-05T09:00:00Z", &route("digest = '0 8 * * *'"));
    let post = Post::of(&world);
    for subject in ["a", "b", "a"] {
        world.raise(subject, Severity::Critical).await;
        post.minutes(&world, 60).await;
    }
    world.clock.set(at("2026-01-06T06:59:59Z"));
    post.outbox.deliver().await.unwrap();
    assert!(post.chat.letters().is_empty());
    world.clock.set(at("2026-01-06T07:00:00Z"));
    post.chat.does(Does::TakesSome(2));
    post.outbox.deliver().await.unwrap();
    assert_eq!(post.mail.letters(), [["a anchor_late", "b anchor_late", "a anchor_late"]]);
    assert_eq!(post.mail.delays()[0].as_deref(), Some("it waited for a digest"));
    post.chat.does(Does::Takes);
    post.minutes(&world, 2).await;
    assert_eq!(
        post.chat.letters().concat(),
        ["a anchor_late", "b anchor_late", "a anchor_late"],
        "what was taken is not sent again"
    );
    let one = world.settled().into_iter().find(|(channel, _, _)| channel == "mail").unwrap();
    assert_eq!(one.1.len(), 3, "one delivery for the one letter");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_by_a_length_of_time_goes_when_its_oldest_has_waited_so_long() {
    let world = World::new(&route("digest = '4h'"));
    let post = Post::of(&world);
    world.raise("a", Severity::Low).await;
    world.clock.advance(TimeDelta::hours(3));
    world.raise("b", Severity::Low).await;
    post.outbox.deliver().await.unwrap();
    assert!(post.chat.letters().is_empty());
    world.clock.advance(TimeDelta::hours(1));
    post.outbox.deliver().await.unwrap();
    assert_eq!(post.chat.letters(), [["a anchor_late", "b anchor_late"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_has_its_whole_time_to_arrive() {
    let world = World::at(
        "2026-01-05T09:00:00Z",
        &format!("{}[alerts]\ngive_up_after = '2h'\n", route("digest = '0 8 * * mon'")),
    );
    world.raise("a", Severity::Low).await;
    let post = Post::of(&world);
    post.chat.does(Does::Refuses(Again::Later));
    world.clock.set(at("2026-01-12T07:00:00Z"));
    post.minutes(&world, 119).await;
    assert_eq!(world.settled().len(), 1, "the other channel's: {:?}", world.settled());
    post.minutes(&world, 10).await;
    assert_eq!(world.settled()[1].2, DeliveryOutcome::Dead);
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_lead_by_owner_control_severity_and_event_and_what_is_nobodys_is_everybodys() {
    let routes = "[[routes]]\nchannels = ['chat']\nowners = ['Ann']\nat_least = 'high'\n\
                  [[routes]]\nchannels = ['mail']\ncontrols = ['*-2']\nevents = ['drifted', 'anchor_late']\n";
    let world = World::new(&format!("{TWO}{routes}"));
    let loaded = world.loaded();
    let about = |about: &str, event, severity| {
        use evidenced::ledger::record::About;
        use evidenced::notify::route::Routed;
        let about = match about {
            "c" => About::Collector("c".into()),
            "f" => About::Anchor("f".into()),
            control => About::Control(control.into()),
        };
        loaded.routes.channels(&Routed::of(&loaded.config, &about, event, severity)).join(" ")
    };
    let (high, low) = (Severity::High, Severity::Low);
    assert_eq!(about("T-1", Event::Drifted, high), "chat");
    assert_eq!(about("T-1", Event::Drifted, low), "");
    assert_eq!(about("T-2", Event::Drifted, high), "mail");
    assert_eq!(about("T-2", Event::Resolved, high), "");
    assert_eq!(about("c", Event::Drifted, high), "chat mail", "it feeds both");
    assert_eq!(about("f", Event::AnchorLate, high), "chat mail", "no route is for it alone");
    assert_eq!(about("f", Event::AnchorLate, low), "mail");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_that_was_erased_before_it_went_out_is_settled_as_such() {
    let world = World::new(TWO);
    let alert = world.raise("c", Severity::High).await;
    let erasure =
        Body::Erasure { target: alert, basis: "GDPR".into(), request: "T1".into(), approved_by: "Eve".into() };
    let runner = world.runner();
    runner.ledger().append(vec![NewRecord { at: world.clock.now(), body: erasure, files: Vec::new() }]).await.unwrap();
    let behind = world.raise("c", Severity::High).await;
    let post = Post::of(&world);
    let passed = post.outbox.deliver().await.unwrap();
    assert_eq!((passed.delivered, passed.erased, passed.dead), (2, 2, 0));
    assert_eq!(post.chat.letters(), [["c source_forgetting"]]);
    let erased: Vec<_> =
        world.settled().into_iter().filter(|(_, _, outcome)| *outcome == DeliveryOutcome::Erased).collect();
    assert!(erased.len() == 2 && erased.iter().all(|(_, alerts, _)| *alerts == [alert]));
    assert!(behind > alert);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_is_configured_later_is_not_sent_the_past_and_one_that_is_gone_ends_dead() {
    let one = "[channels.chat]\nway = 'stdout'\n[alerts]\ngive_up_after = '1h'\n";
    let world = World::new(one);
    world.raise("a", Severity::High).await;
    let post = Post::of(&world);
    post.outbox.deliver().await.unwrap();
    assert!(post.mail.letters().is_empty() && post.chat.letters().len() == 1);
    world.raise("a", Severity::High).await;
    let nobody = std::sync::Arc::new(evidenced::notify::deliver::Outbox::with(&world.runner(), Default::default()));
    for _ in 0..70 {
        nobody.deliver().await.unwrap();
        world.clock.advance(TimeDelta::minutes(1));
    }
    let (_, _, outcome) = world.settled().pop().unwrap();
    assert_eq!(outcome, DeliveryOutcome::Dead);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_says_when_is_left_alone_until_then_but_not_when_the_clock_is_set_back() {
    let world = World::new(TWO);
    world.raise("a", Severity::High).await;
    world.raise("b", Severity::High).await;
    let post = Post::of(&world);
    post.chat.does(Does::Refuses(Again::After(Duration::from_secs(1_800))));
    post.outbox.deliver().await.unwrap();
    assert_eq!(*post.chat.asked.lock().unwrap(), 1);
    post.chat.does(Does::Takes);
    post.minutes(&world, 29).await;
    assert!(post.chat.letters().is_empty());
    let back: DateTime<Utc> = at("2026-01-04T09:00:00Z");
    world.clock.set(back);
    post.outbox.deliver().await.unwrap();
    assert_eq!(post.chat.letters().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_hangs_keeps_no_other_is_asked_once_and_is_said_to_hang_until_it_goes_on() {
    let world = World::new(TWO);
    world.raise("a", Severity::High).await;
    let post = Post::of(&world);
    post.chat.does(Does::Hangs);
    let outbox = post.outbox.clone();
    let hanging = tokio::spawn(async move { outbox.channel("chat").await });
    while *post.chat.asked.lock().unwrap() == 0 {
        tokio::task::yield_now().await;
    }
    for _ in 0..3 {
        world.raise("b", Severity::High).await;
        post.outbox.deliver().await.unwrap();
    }
    assert_eq!(post.outbox.owing().unwrap(), ["chat"]);
    assert_eq!(post.mail.letters().len(), 4);
    assert_eq!(*post.chat.asked.lock().unwrap(), 1, "who is at it is left alone");
    assert!(post.outbox.trying().is_empty(), "it may only be slow: {:?}", post.outbox.trying());
    let began = world.clock.now();
    world.clock.advance(HANGING + TimeDelta::seconds(1));
    assert_eq!(post.outbox.trying(), [("chat".to_owned(), Trying::Hangs { since: began })].into());
    // A clock that was set back hides it for no longer than the alert is younger than that.
    world.clock.set(began - TimeDelta::days(1));
    assert!(post.outbox.trying().is_empty());
    world.clock.set(began + TimeDelta::hours(1));
    assert_eq!(post.outbox.trying().len(), 1);
    hanging.abort();
    assert!(hanging.await.unwrap_err().is_cancelled());
    post.chat.does(Does::Takes);
    post.outbox.deliver().await.unwrap();
    assert_eq!(post.chat.letters().len(), 4);
    assert!(post.outbox.trying().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_process_that_sends_and_does_not_go_on_shows_in_health_and_quiet_hours_do_not() {
    let world = World::at("2026-01-05T22:30:00Z", &route("quiet = { from = '22:00', to = '07:00' }"));
    world.raise("a", Severity::High).await;
    let post = Post::of(&world);
    let _other = world.runner().ledger().lock_collector("channel chat").unwrap().expect("nobody has it");
    post.minutes(&world, 60).await;
    assert!(post.outbox.trying().is_empty(), "nothing may go out: {:?}", post.outbox.trying());
    world.clock.set(at("2026-01-06T06:00:00Z"));
    post.minutes(&world, 10).await;
    let trying = post.outbox.trying();
    assert!(matches!(trying["chat"], Trying::Hangs { .. }) && trying.len() == 1, "{trying:?}");
    // As the daemon writes it down.
    Heartbeat::new(Arc::new(world.loaded()), Arc::new(Outside::new())).channels(trying);
    for command in [["health", "--json"], ["alerts", "--owed"]] {
        let said = evidenced(world.dir.path(), &command);
        assert!(said.out.contains("no try has come to an end since"), "{said:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_try_that_does_not_end_is_ended_and_counts_as_a_refusal() {
    let world = World::new(TWO);
    world.raise("a", Severity::High).await;
    let mut post = Post::of(&world);
    post.within(&world, Duration::from_millis(20));
    post.chat.does(Does::Hangs);
    let passed = post.outbox.deliver().await.unwrap();
    assert!(passed.refused["chat"].contains("no end of it within 20ms"), "{passed:?}");
    assert!(matches!(post.outbox.trying()["chat"], Trying::Refused { times: 1, .. }), "{:?}", post.outbox.trying());
    post.chat.does(Does::Takes);
    world.clock.advance(TimeDelta::minutes(1));
    post.outbox.deliver().await.unwrap();
    assert_eq!((post.chat.letters().len(), post.mail.letters().len()), (1, 1));
}
