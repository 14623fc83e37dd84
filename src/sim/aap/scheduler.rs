//! The task manager: which pending job may start.

use std::{sync::Arc, time::Duration};

use super::{
    Controller,
    catalogue::Catalogue,
    job::{JobKind, Status},
    state::State,
};
use crate::sim::profile::{AapProfile, key};

/// What is left after a run of the task manager.
enum After {
    /// Nothing that would not wake it by itself.
    Nothing,
    /// It started as many as it may; the rest comes at once.
    More(u64),
    /// Something is held back: it looks again at the next tick.
    Tick,
}

impl Controller {
    /// Starts what may start.
    pub(super) fn run_task_manager(self: &Arc<Self>) {
        let after = {
            let mut state = self.state.lock();
            self.process_dependencies(&mut state);
            let mut starts = 0;
            while starts < self.profile.starts_per_run
                && let Some(id) = next_startable(&state, &self.catalogue, &self.profile)
            {
                self.start(&mut state, id);
                starts += 1;
            }
            if starts == self.profile.starts_per_run && state.has_pending() {
                state.full_runs += 1;
                After::More(state.full_runs)
            } else if state.has_pending() && !state.tick_armed {
                state.tick_armed = true;
                After::Tick
            } else {
                After::Nothing
            }
        };
        match after {
            After::Nothing => {}
            After::More(run) => {
                let seed = self.seed.label("task_manager").index(run);
                let delay = self.profile.commit_delay.draw(seed);
                let controller = Arc::clone(self);
                tokio::spawn(async move {
                    controller.clock.sleep(delay).await;
                    controller.run_task_manager();
                });
            }
            After::Tick => self.arm_tick(),
        }
    }

    /// Runs the task manager again at the next tick; ticks lie at multiples of the interval on the controller's clock.
    fn arm_tick(self: &Arc<Self>) {
        let controller = Arc::clone(self);
        tokio::spawn(async move {
            let now = Duration::from(controller.clock.elapsed());
            let tick_ns = controller.profile.tick.as_nanos().max(1);
            let to_next_ns = tick_ns - now.as_nanos() % tick_ns;
            let to_next = Duration::from_nanos(u64::try_from(to_next_ns).unwrap_or(u64::MAX));
            controller.clock.sleep(to_next).await;
            controller.state.lock().tick_armed = false;
            controller.run_task_manager();
        });
    }

    /// Puts a project update in front of the jobs that ask for one, unless one is on its way.
    fn process_dependencies(self: &Arc<Self>, state: &mut State) {
        let ids = std::mem::take(&mut state.unprocessed);
        let Some(duration) = &self.profile.project_update else { return };
        for id in ids {
            let asks = state.jobs.get(id).filter(|job| job.status == Status::Pending).and_then(|job| job.template);
            if state.project_update.is_none() && asks.is_some_and(|at| self.catalogue.template(at).update_on_launch) {
                let update = self.create_project_update(state);
                let takes =
                    duration.draw(key(self.seed, "", "project_update", u32::try_from(update).unwrap_or(u32::MAX)));
                tokio::spawn(Arc::clone(self).run_project_update(update, takes));
            }
        }
    }

    fn start(&self, state: &mut State, id: u64) {
        let Some(job) = state.jobs.get(id) else { return };
        let to = if job.kind == JobKind::WorkflowJob { Status::Running } else { Status::Waiting };
        self.change(state, id, to, None);
        if let Some(control) = state.jobs.get(id).and_then(|job| job.control.as_ref()) {
            control.started.set();
        }
    }
}

/// The oldest pending job that nothing holds back.
fn next_startable(state: &State, catalogue: &Catalogue, profile: &AapProfile) -> Option<u64> {
    let is_full = profile.max_concurrent_jobs > 0 && state.active_jobs >= profile.max_concurrent_jobs;
    let queues = state.queues.iter().enumerate();
    let startable = queues.filter_map(|(at, queue)| {
        let id = *queue.pending.first()?;
        let template = catalogue.template(at);
        let is_job = JobKind::from(template.kind) == JobKind::Job;
        let held_back = (is_job && is_full)
            || (queue.active > 0 && !catalogue.allows_simultaneous(at))
            || (template.update_on_launch && state.project_update.is_some());
        (!held_back).then_some(id)
    });
    startable.min()
}
