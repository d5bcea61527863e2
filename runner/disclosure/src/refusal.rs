//! Why something is refused: a closed list of stable codes in the order of the checks, each with what is wrong and what
//! to do.

macro_rules! refusals {
    (
        $(#[$of:meta])* $list:ident {
            $($(#[$doc:meta])* $name:ident = $code:literal, $says:literal, $next:literal;)*
        }
    ) => {
        $(#[$of])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $list { $($(#[$doc])* $name),* }

        impl $list {
            /// Every code, in the order of the checks.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The code as journal and receipt carry it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code),* }
            }

            /// What is wrong.
            pub const fn says(self) -> &'static str {
                match self { $(Self::$name => $says),* }
            }

            /// What to do about it.
            pub const fn next_step(self) -> &'static str {
                match self { $(Self::$name => $next),* }
            }

            /// The code as a word of journal and receipt.
            pub fn name(self) -> ::proof::text::Name {
                self.as_str().parse().expect("every code is a name: a test reads them all")
            }
        }

        impl ::std::fmt::Display for $list {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

pub(crate) use refusals;
