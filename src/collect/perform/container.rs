//! Starts, stops, restarts, kills and pauses containers, through the engine that has them.

use crate::base::clock::Duration;
use crate::base::net::client::{ClientError, Method};
use crate::collect::container::docker::client::DockerError;
use crate::collect::container::docker::known::{Engine, Known};
use crate::model::action::{ContainerOrder, Outcome};

/// Engines wait ten seconds for a container to end before they kill it.
const PATIENCE: Duration = Duration::from_secs(40);

/// Carries out an order on the container of that id.
pub async fn order(known: &Known, id: &str, order: ContainerOrder) -> Outcome {
    let Some((engine, container)) = known.by_id(id) else {
        let said = "No engine tells of this container any more. Nothing was done.".to_owned();
        return Outcome::Refused { said };
    };
    let name = crate::base::text::display(&container.name).into_owned();
    let docker = match engine.docker() {
        Ok(docker) => docker,
        Err(said) => return Outcome::Refused { said },
    };
    let path = format!("/containers/{id}/{}", order.word());
    match docker.order(Method::Post, &path, PATIENCE).await {
        Ok(()) => Outcome::Done {
            said: format!("{name} {}.", done(order)),
        },
        Err(why) => Outcome::Refused {
            said: refused(engine, &name, order, &why),
        },
    }
}

fn done(order: ContainerOrder) -> &'static str {
    match order {
        ContainerOrder::Start => "was started",
        ContainerOrder::Stop => "was stopped",
        ContainerOrder::Restart => "was restarted",
        ContainerOrder::Kill => "was killed",
        ContainerOrder::Pause => "is paused",
        ContainerOrder::Unpause => "goes on",
    }
}

fn refused(engine: &Engine, name: &str, order: ContainerOrder, why: &DockerError) -> String {
    let (command, word) = (engine.flavour.command(), order.word());
    match why {
        DockerError::Client(ClientError::Timeout(_)) => format!(
            "{} did not say within 40 s whether {name} could {word}. Look: {command} ps -a",
            engine.address
        ),
        why => format!("{name} could not {word}: {why}. Type: sudo {command} {word} {name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_that_is_gone_is_not_acted_on() {
        let runtime = crate::base::task::runtime().unwrap();
        let outcome = runtime.block_on(order(&Known::default(), "ab", ContainerOrder::Stop));
        assert!(matches!(outcome, Outcome::Refused { said } if said.contains("Nothing was done")));
    }
}
