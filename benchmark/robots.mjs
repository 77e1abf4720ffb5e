// Robots in a hundred plants, each with a pattern of its own that has a wildcard at one of three places: as in benches/routes/population.rs.

export function patternOf(robot) {
  const plant = robot % 100;
  switch (robot % 3) {
    case 0:
      return `plant.p${plant}.robot-${robot}.*`;
    case 1:
      return `plant.*.robot-${robot}.state`;
    default:
      return `plant.p${plant}.*.robot-${robot}`;
  }
}

/** A topic that the pattern of this robot matches, and no other one. */
export function topicOf(robot) {
  const plant = robot % 100;
  return robot % 3 === 2 ? `plant.p${plant}.state.robot-${robot}` : `plant.p${plant}.robot-${robot}.state`;
}
