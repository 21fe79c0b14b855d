//! The kinds of devices in the plant: what each reports, in the words of its trade.
//!
//! Tables only. What every machine has (nameplate, state, alarms, parts) is written once and shared.
//! Invariant, checked by the tests of `metric`: a row refers only to rows above it.

use factree_sparkplug::DataType::{
    Boolean, DateTime, Double, Float, Int8, Int16, Int32, Int64, String, Text, UInt8, UInt16, UInt32, UInt64, UUID,
};

use crate::machine::Pace;
use crate::model::{Gauge, Model, Row, about, driven, follows, load, row, set_point};

/// A kind of device.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    /// What its devices are called, before the number.
    pub(crate) name: &'static str,
    pub(crate) pace: Pace,
    pub(crate) rows: &'static [&'static [Row]],
}

/// For what does not run, block or break: meters and computers.
pub(crate) const STEADY: Pace =
    Pace { cycle: None, running: f64::INFINITY, idle: 1.0, blocked: 1.0, down: 1.0, faults: &[] };

const NAMEPLATE: &[Row] = &[
    row("Info/Serial", String, "", Model::Serial("SN")),
    row("Info/Id", UUID, "", Model::Identity),
    row("Info/Commissioned", DateTime, "", Model::Commissioned),
];

const MACHINE: &[Row] = &[
    row("State", String, "", Model::Machine(Gauge::State)),
    row("State/Code", UInt8, "", Model::Machine(Gauge::StateCode)),
    row("State/Since", DateTime, "", Model::Machine(Gauge::Since)),
    row("State/RunHours", Double, "h", Model::Machine(Gauge::RunHours)).band(0.05),
    row("Alarm/Active", Boolean, "", Model::Machine(Gauge::Faulted)),
    row("Alarm/Code", UInt16, "", Model::Machine(Gauge::FaultCode)),
    row("Alarm/Text", Text, "", Model::Machine(Gauge::FaultText)),
    row("Control/Enabled", Boolean, "", Model::Enabled),
];

const PARTS: &[Row] = &[
    row("Parts/Good", UInt64, "", Model::Machine(Gauge::Good)),
    row("Parts/Bad", UInt32, "", Model::Machine(Gauge::Bad)),
    row("Parts/Scrap", UInt32, "", Model::Machine(Gauge::Scrap)),
    row("Parts/Current", UUID, "", Model::Machine(Gauge::PartId)),
    row("Cycle/Time", Float, "s", Model::Machine(Gauge::CycleTime)).band(0.2),
];

pub(crate) const ROBOT: Kind = Kind {
    name: "Robot",
    pace: Pace {
        cycle: Some(48.0),
        running: 420.0,
        idle: 25.0,
        blocked: 30.0,
        down: 90.0,
        faults: &[
            (1021, "Axis 3: following error"),
            (1305, "Gripper did not close"),
            (2010, "Safety gate opened"),
            (4102, "Collision detected, axis 5"),
        ],
    },
    rows: &[
        NAMEPLATE,
        MACHINE,
        PARTS,
        &[
            row("Info/Model", String, "", Model::Text("KX-210 R2700")),
            row("Program/Name", String, "", Model::Choice(&["weld_door_left", "weld_door_right", "handle_panel"])),
            row("Program/Override", UInt8, "%", set_point(100.0, 5.0, 100.0)),
            row("Controller/Temperature", Int8, "°C", load(31.0, 44.0, 1.0, 600.0)),
            row("Gripper/Closed", Boolean, "", Model::Switch { on: 20.0, off: 28.0 }),
            row("Gripper/Pressure", Float, "bar", about(6.1, 0.06, 40.0)).band(0.1),
            row("Axis/#/Position", Double, "°", Model::Pose { reach: 150.0 }).times(6).band(20.0),
            row("Axis/#/Encoder", Int64, "", follows("Axis/#/Position", 0.0, 11_378.0, 0.0, 0.01))
                .times(6)
                .band(250_000.0),
            row("Axis/#/Torque", Int16, "%", load(4.0, 62.0, 5.0, 12.0)).times(6).band(4.0),
            row("Axis/#/Current", Float, "A", follows("Axis/#/Torque", 0.4, 0.14, 0.15, 4.0)).times(6).band(0.5),
            row("Axis/#/Temperature", Float, "°C", load(27.0, 63.0, 1.2, 900.0)).times(6).band(0.2),
            row("Alarm/Overheated", Boolean, "", Model::Exceeds { of: "Axis/1/Temperature", limit: 58.0 }),
        ],
    ],
};

pub(crate) const PRESS: Kind = Kind {
    name: "Press",
    pace: Pace {
        cycle: Some(6.0),
        running: 600.0,
        idle: 60.0,
        blocked: 25.0,
        down: 180.0,
        faults: &[
            (301, "Hydraulic oil too hot"),
            (312, "Double sheet detected"),
            (340, "Light curtain interrupted"),
            (377, "Die not locked"),
        ],
    },
    rows: &[
        NAMEPLATE,
        MACHINE,
        PARTS,
        &[
            row("Info/Model", String, "", Model::Text("HP-1600")),
            row("Die/Name", String, "", Model::Choice(&["D-114 door inner", "D-115 door outer", "D-220 hood"])),
            row("Die/Strokes", Int64, "", Model::Machine(Gauge::Good)).band(10.0),
            row("Ram/SetPoint/Force", UInt16, "kN", set_point(12_500.0, 2_000.0, 16_000.0)),
            row("Ram/Force", Float, "kN", driven("Ram/SetPoint/Force", 45.0, 3.0)).band(50.0),
            row("Ram/Force/Corner/#", Float, "kN", follows("Ram/Force", 0.0, 0.25, 14.0, 6.0)).times(4).band(16.0),
            row("Ram/Parallelism", Float, "mm", about(0.08, 0.008, 60.0)).band(0.01),
            row("Hydraulics/Pressure/#", Float, "bar", load(90.0, 282.0, 2.5, 5.0)).times(2).band(4.0),
            row("Hydraulics/Oil/Temperature", Float, "°C", load(28.0, 54.0, 0.5, 1200.0)).band(0.3),
            row("Hydraulics/Oil/Level", UInt8, "%", about(83.0, 1.0, 3600.0)),
            row("Hydraulics/Filter/Difference", Float, "bar", load(0.1, 0.7, 0.02, 300.0)).band(0.03),
            row("Motor/#/Speed", Int32, "rpm", load(0.0, 1480.0, 8.0, 5.0)).times(2).band(20.0),
            row("Motor/#/Current", Float, "A", follows("Motor/#/Speed", 3.0, 0.11, 2.0, 3.0)).times(2).band(3.0),
            row("Motor/#/Temperature", Float, "°C", load(26.0, 74.0, 0.8, 1500.0)).times(2).band(0.4),
            row("Motor/#/Vibration", Float, "mm/s", load(0.1, 2.3, 0.15, 30.0)).times(2).band(0.15),
            row("Motor/1/Overheated", Boolean, "", Model::Exceeds { of: "Motor/1/Temperature", limit: 66.0 }),
            row("Lubrication/Active", Boolean, "", Model::Switch { on: 8.0, off: 240.0 }),
            row("Lubrication/Pressure", Double, "bar", about(22.0, 0.4, 45.0)).band(0.8),
            row("LightCurtain/Clear", Boolean, "", Model::Switch { on: 300.0, off: 3.0 }),
        ],
    ],
};

pub(crate) const CONVEYOR: Kind = Kind {
    name: "Conveyor",
    pace: Pace {
        cycle: Some(12.0),
        running: 500.0,
        idle: 20.0,
        blocked: 30.0,
        down: 60.0,
        faults: &[(51, "Motor protection tripped"), (53, "Jam at transfer"), (58, "Belt slips")],
    },
    rows: &[
        NAMEPLATE,
        MACHINE,
        &[
            row("Parts/Moved", UInt64, "", Model::Machine(Gauge::Good)),
            row("Belt/SetPoint/Speed", Float, "m/min", set_point(18.0, 0.0, 30.0)),
            row("Belt/Speed", Float, "m/min", driven("Belt/SetPoint/Speed", 0.12, 4.0)).band(0.2),
            row("Belt/Tension", Float, "N", about(640.0, 9.0, 300.0)).band(5.0),
            row("Motor/Speed", UInt16, "rpm", follows("Belt/Speed", 0.0, 78.0, 4.0, 1.0)).band(20.0),
            row("Motor/Current", Float, "A", follows("Motor/Speed", 0.2, 0.0034, 0.08, 3.0)).band(0.1),
            row("Motor/Temperature", Float, "°C", load(24.0, 58.0, 0.6, 900.0)).band(0.2),
            row("Sensor/#/Occupied", Boolean, "", Model::Switch { on: 6.0, off: 14.0 }).times(3),
            row("Drive/Status", Int32, "", Model::Machine(Gauge::StateCode)),
        ],
    ],
};

pub(crate) const PAINT_BOOTH: Kind = Kind {
    name: "Booth",
    pace: Pace {
        cycle: Some(75.0),
        running: 1200.0,
        idle: 60.0,
        blocked: 40.0,
        down: 240.0,
        faults: &[(801, "Exhaust air flow low"), (815, "Solvent level above limit"), (822, "Colour change failed")],
    },
    rows: &[
        NAMEPLATE,
        MACHINE,
        PARTS,
        &[
            row("Colour/Name", String, "", Model::Choice(&["Basalt Grey", "Signal White", "Night Blue", "Ruby Red"])),
            row("Climate/SetPoint/Temperature", Float, "°C", set_point(23.0, 18.0, 28.0)),
            row("Climate/Temperature", Float, "°C", follows("Climate/SetPoint/Temperature", 0.0, 1.0, 0.25, 240.0))
                .band(0.1),
            row("Climate/Humidity", Float, "%", about(62.0, 1.4, 400.0)).band(0.3),
            row("Climate/AirVelocity", Float, "m/s", about(0.34, 0.012, 30.0)).band(0.02),
            row("Climate/Solvent", UInt16, "ppm", load(4.0, 48.0, 3.0, 90.0)).band(4.0),
            row("Filter/#/Difference", Float, "Pa", about(118.0, 6.0, 1800.0)).times(4).band(2.0),
            row("Fan/#/Speed", UInt16, "rpm", about(960.0, 6.0, 60.0)).times(2).band(6.0),
            row("Fan/#/Current", Float, "A", follows("Fan/#/Speed", 0.0, 0.0185, 0.12, 20.0)).times(2).band(0.2),
            row("Atomizer/#/Flow", Float, "ml/min", load(0.0, 340.0, 5.0, 3.0)).times(3).band(20.0),
            row("Atomizer/#/Speed", UInt32, "rpm", load(0.0, 38_000.0, 220.0, 6.0)).times(3).band(1500.0),
            row("Atomizer/#/HighVoltage", Int32, "V", load(0.0, -62_000.0, 300.0, 4.0)).times(3).band(2500.0),
            row("Door/Closed", Boolean, "", Model::Switch { on: 400.0, off: 12.0 }),
        ],
    ],
};

pub(crate) const OVEN: Kind = Kind {
    name: "Oven",
    pace: Pace {
        cycle: Some(90.0),
        running: 7200.0,
        idle: 120.0,
        blocked: 60.0,
        down: 600.0,
        faults: &[(901, "Burner 2: flame lost"), (914, "Zone 4 above limit")],
    },
    rows: &[
        NAMEPLATE,
        MACHINE,
        PARTS,
        &[
            row("Zone/#/SetPoint", Float, "°C", set_point(165.0, 20.0, 220.0)).times(6),
            row("Zone/#/Temperature", Float, "°C", follows("Zone/#/SetPoint", 0.0, 1.0, 0.9, 300.0)).times(6).band(0.3),
            row("Zone/#/Burner", UInt8, "%", follows("Zone/#/SetPoint", -20.0, 0.4, 4.0, 60.0)).times(6).band(2.0),
            row("Zone/#/Fan", UInt16, "rpm", about(1180.0, 7.0, 60.0)).times(6).band(8.0),
            row("Gas/Flow", Double, "m³/h", load(9.0, 46.0, 0.6, 60.0)).band(0.5),
            row("Gas/Volume", Double, "m³", Model::Integral { of: "Gas/Flow" }).band(0.2),
            row("Exhaust/Temperature", Float, "°C", load(95.0, 142.0, 1.5, 900.0)).band(1.0),
            row("Exhaust/Oxygen", Float, "%", about(17.4, 0.15, 200.0)).band(0.1),
        ],
    ],
};

pub(crate) const PACKER: Kind = Kind {
    name: "Packer",
    pace: Pace {
        cycle: Some(4.0),
        running: 360.0,
        idle: 20.0,
        blocked: 25.0,
        down: 75.0,
        faults: &[(601, "Film torn"), (607, "Carton magazine empty"), (611, "Glue too cold"), (620, "Reject bin full")],
    },
    rows: &[
        NAMEPLATE,
        MACHINE,
        PARTS,
        &[
            row("Recipe/Name", String, "", Model::Choice(&["12 x 0.5 l", "6 x 1.0 l", "24 x 0.33 l"])),
            row("Speed/SetPoint", UInt16, "1/min", set_point(15.0, 4.0, 20.0)),
            row("Speed/Actual", Float, "1/min", driven("Speed/SetPoint", 0.2, 4.0)).band(0.2),
            row("Servo/#/Current", Float, "A", load(0.3, 5.6, 0.3, 4.0)).times(4).band(0.4),
            row("Servo/#/Temperature", Float, "°C", load(25.0, 52.0, 0.8, 600.0)).times(4).band(0.2),
            row("Seal/SetPoint/Temperature", Float, "°C", set_point(148.0, 60.0, 190.0)),
            row("Seal/Temperature", Float, "°C", follows("Seal/SetPoint/Temperature", 0.0, 1.0, 0.8, 60.0)).band(0.4),
            row("Seal/Pressure", Float, "bar", load(0.2, 4.2, 0.06, 6.0)).band(0.3),
            row("Glue/Temperature", Int16, "°C", about(172.0, 1.2, 120.0)).band(2.0),
            row("Weight/Last", Double, "g", about(6310.0, 9.0, 4.0)).band(5.0),
            row("Magazine/Level", Int8, "%", about(70.0, 9.0, 240.0)).band(3.0),
            row("Air/Pressure", Float, "bar", about(6.2, 0.08, 60.0)).band(0.05),
            row("Air/Flow", Float, "l/min", load(40.0, 410.0, 9.0, 8.0)).band(15.0),
        ],
    ],
};

pub(crate) const ENERGY_METER: Kind = Kind {
    name: "Meter",
    pace: STEADY,
    rows: &[
        NAMEPLATE,
        &[
            row("Phase/#/Voltage", Float, "V", about(231.0, 0.9, 90.0)).times(3).band(0.3),
            row("Phase/#/Current", Float, "A", load(22.0, 168.0, 3.0, 15.0)).times(3).band(3.0),
            row("Phase/#/PowerFactor", Float, "", load(0.81, 0.94, 0.006, 60.0)).times(3).band(0.01),
            row(
                "Phase/#/Power",
                Double,
                "kW",
                Model::Product { of: &["Phase/#/Voltage", "Phase/#/Current", "Phase/#/PowerFactor"], gain: 0.001 },
            )
            .times(3)
            .band(0.8),
            row("Power/Active", Double, "kW", Model::Sum { of: "Phase/#/Power" }).band(2.0),
            row("Energy/Active", Double, "kWh", Model::Integral { of: "Power/Active" }).band(0.1),
            row("Frequency", Float, "Hz", about(50.0, 0.012, 45.0)).band(0.01),
            row("Cabinet/Temperature", Int8, "°C", load(27.0, 36.0, 0.6, 900.0)),
            row("Overload", Boolean, "", Model::Exceeds { of: "Power/Active", limit: 105.0 }),
        ],
    ],
};

/// The computer that is the Edge Node, and what the line says about itself.
pub(crate) const GATEWAY: Kind = Kind {
    name: "Gateway",
    pace: STEADY,
    rows: &[&[
        row("Gateway/Model", String, "", Model::Text("EG-40")),
        row("Gateway/Firmware", String, "", Model::Text("2.8.1")),
        row("Gateway/Serial", String, "", Model::Serial("EG")),
        row("Gateway/Uptime", Double, "h", Model::Machine(Gauge::RunHours)).band(0.01),
        row("Gateway/Cpu", UInt8, "%", load(6.0, 31.0, 3.0, 20.0)).band(4.0),
        row("Gateway/Memory", UInt32, "kB", about(412_000.0, 2_500.0, 300.0)).band(2_000.0),
        row("Gateway/Temperature", Int8, "°C", load(33.0, 49.0, 0.8, 600.0)),
        row("Gateway/Signal", Int8, "dBm", about(-61.0, 1.5, 60.0)).band(2.0),
    ]],
};
