//! Control plane and Runner as two processes that meet over the line.

mod drilldown;
mod enrolment;
mod faults;
mod histories;
mod operator;
mod results;
mod secrets;
