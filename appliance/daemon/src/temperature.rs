//! How warm the processor is, as the kernel says it (Documentation/ABI/testing/sysfs-class-thermal).

use std::fs;
use std::path::Path;

/// Where the kernel shows its sensors.
pub const SENSORS: &str = "/sys/class/thermal";
/// Sensors of other things may be warm for reasons of their own; one of a processor has one of these words
/// in its kind: `x86_pkg_temp`, `cpu-thermal`, `soc-thermal`, `bigcore0-thermal`.
const OF_PROCESSOR: [&str; 4] = ["cpu", "soc", "pkg", "core"];
/// What lies outside is no temperature of a machine that runs.
const BELIEVED: std::ops::Range<f64> = -40.0..150.0;

/// The warmest sensor of the processor, degrees Celsius; `None`: there is none.
pub fn warmest(sensors: &Path) -> Option<f64> {
    let zones = fs::read_dir(sensors).ok()?.flatten().filter_map(|zone| {
        let read = |name| fs::read_to_string(zone.path().join(name)).ok();
        let kind = read("type")?.to_lowercase();
        let ours = OF_PROCESSOR.iter().any(|word| kind.contains(word));
        let celsius = read("temp")?.trim().parse::<f64>().ok()? / 1000.0;
        (ours && BELIEVED.contains(&celsius)).then_some(celsius)
    });
    zones.reduce(f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_warmest_sensor_of_the_processor_counts_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let zone = |name: &str, kind: &str, temp: &str| {
            let zone = folder.path().join(name);
            fs::create_dir(&zone).unwrap();
            fs::write(zone.join("type"), kind).unwrap();
            fs::write(zone.join("temp"), temp).unwrap();
        };
        assert_eq!(warmest(folder.path()), None);
        zone("thermal_zone0", "soc-thermal\n", "41500\n");
        zone("thermal_zone1", "bigcore0-thermal\n", "47250\n");
        zone("thermal_zone2", "battery\n", "60000\n");
        zone("thermal_zone3", "x86_pkg_temp\n", "-274000\n");
        zone("cooling_device0", "Processor\n", "3\n");
        assert_eq!(warmest(folder.path()), Some(47.25));
        assert_eq!(warmest(Path::new("/nowhere")), None);
    }
}
