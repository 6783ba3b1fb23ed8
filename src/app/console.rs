//! The console: attached to a living engine, or with an engine of its own inside.

use crate::app::engine::{Engine, Mode};
use crate::app::launch::Launch;
use crate::app::places;
use crate::app::serve;
use crate::base::own;
use crate::base::task;
use crate::config::ui::{Colors, OnHangup, Panel, PanelKind, Symbols, TimeZone, Ui};
use crate::source::api::{Caller, Class, Source};
use crate::source::remote::bongsu::RemoteBongsu;
use crate::tui;
use anyhow::{Context, bail};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;

/// How the console was left, and what there is to say about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// For standard output, after the terminal is as it was.
    pub said: Option<String>,
    pub good: bool,
}

/// Why no console can be shown on this terminal, if so.
pub fn unfit() -> Option<String> {
    tui::Environment::read().unfit()
}

/// Shows the console until it is left.
pub fn run(launch: Launch) -> anyhow::Result<Left> {
    match places::find(&launch.data_dir, launch.chose_data_dir()) {
        places::Engine::Here(socket) => return attached(&launch, socket),
        places::Engine::Closed(socket) => bail!("{}", places::closed(&socket)),
        places::Engine::Nowhere => {}
    }
    let first_start = !launch.data_dir.exists();
    let options = tui::Options {
        first_start,
        ..options(&launch, tui::Engine::Inside)
    };
    let on_hangup = launch.config.ui.on_hangup;
    let arguments = launch.arguments.clone();
    let data_dir = launch.data_dir.clone();
    let engine = Engine::start(launch, Mode::Inside)?;
    let source = engine.source(own_caller(engine.shared.launch.uid));
    let runtime = engine.runtime();
    let shown = catch_unwind(AssertUnwindSafe(|| tui::run(source, options, runtime)));
    // Whatever ended the console: what was collected is on the disk before anything else.
    engine.shut_down();
    let Ok(shown) = shown else {
        bail!("the console failed inside bongsu; what was collected is kept, start it again");
    };
    match shown? {
        tui::Exit::Detach => serve::go_on(&arguments, &data_dir).map(said),
        tui::Exit::HungUp if on_hangup == OnHangup::Detach => {
            serve::go_on(&arguments, &data_dir).map(said)
        }
        tui::Exit::Quit | tui::Exit::HungUp | tui::Exit::Terminated => Ok(Left {
            said: None,
            good: true,
        }),
    }
}

fn attached(launch: &Launch, socket: PathBuf) -> anyhow::Result<Left> {
    let runtime = task::runtime().context("the runtime cannot be started")?;
    let source: Arc<dyn Source> = Arc::new(RemoteBongsu::new(socket));
    let options = options(launch, tui::Engine::Attached);
    let shown = tui::run(source, options, runtime.handle().clone());
    runtime.shutdown_timeout(std::time::Duration::from_millis(200));
    shown?;
    Ok(Left {
        said: None,
        good: true,
    })
}

fn said(text: String) -> Left {
    Left {
        said: Some(text),
        good: true,
    }
}

/// The person at this terminal.
pub(crate) fn own_caller(uid: u32) -> Caller {
    let name = own::account(uid);
    Caller {
        uid: Some(uid),
        pid: i32::try_from(std::process::id()).ok(),
        class: Class::Console,
        name,
        remark: own::remark(),
        may_act: true,
    }
}

fn own_panel(panel: &Panel) -> tui::OwnPanel {
    let Panel {
        title,
        expr,
        legend,
        kind,
        unit,
        warning,
        critical,
    } = panel.clone();
    tui::OwnPanel {
        title,
        expr,
        legend,
        kind: match kind {
            PanelKind::Chart => tui::OwnKind::Chart,
            PanelKind::Stat => tui::OwnKind::Stat,
            PanelKind::Table => tui::OwnKind::Table,
        },
        unit,
        warning,
        critical,
    }
}

fn options(launch: &Launch, engine: tui::Engine) -> tui::Options {
    let ui: &Ui = &launch.config.ui;
    let detected = tui::Options::detect(&tui::Environment::read());
    let tiles = ui.overview.iter();
    let panels: Vec<tui::OwnPanel> = ui.panels.iter().map(own_panel).collect();
    let wanted = ui.overview.iter().map(|t| t.panel.as_str());
    tui::Options {
        engine,
        theme: ui.theme.clone().unwrap_or(detected.theme),
        synchronised: ui.synchronised_output,
        keys: ui.keys.clone(),
        overview: tiles
            .map(|t| (t.panel.clone(), t.width, t.height))
            .collect(),
        problems: tui::unknown_panels(wanted, &panels),
        panels,
        symbols: match ui.symbols {
            Symbols::Auto => detected.symbols,
            Symbols::Unicode => tui::SymbolSet::Unicode,
            Symbols::Ascii => tui::SymbolSet::Ascii,
        },
        depth: match ui.colors {
            Colors::Auto => detected.depth,
            Colors::True => tui::Depth::Rgb,
            Colors::Indexed => tui::Depth::Indexed,
            Colors::Sixteen => tui::Depth::Ansi16,
            Colors::Mono => tui::Depth::Mono,
        },
        utc: ui.time_zone == TimeZone::Utc,
        read_only: launch.arguments.read_only || ui.read_only,
        print_last: ui.last_screen,
        ..detected
    }
}
