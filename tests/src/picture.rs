//! Pictures of pages, made small: at most 256 colours, packed as well as PNG can be.

use std::collections::HashMap;

/// The colours of a palette.
const COLOURS: usize = 256;

type Colour = [u8; 3];

/// The same picture with a palette: its commonest colours, and for every other the nearest of them.
pub fn small(picture: &[u8]) -> Vec<u8> {
    let mut reader = png::Decoder::new(std::io::Cursor::new(picture)).read_info().expect("a browser makes PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a picture of a page fits into memory")];
    let info = reader.next_frame(&mut pixels).expect("a browser makes whole pictures");
    let step = info.color_type.samples();
    assert!(step == 3 || step == 4, "a browser makes pictures in colour");
    let colours: Vec<Colour> = pixels.chunks_exact(step).filter_map(|pixel| pixel.get(..3)?.try_into().ok()).collect();
    let palette = palette(&colours);
    let mut known: HashMap<Colour, u8> = HashMap::new();
    let mut indices: Vec<u8> = Vec::with_capacity(colours.len());
    // Most of a page is one colour after itself: each is looked up once a run.
    for run in colours.chunk_by(|one, other| one == other) {
        if let Some(colour) = run.first() {
            let place = *known.entry(*colour).or_insert_with(|| nearest(&palette, *colour));
            indices.resize(indices.len() + run.len(), place);
        }
    }
    let mut small = Vec::new();
    let mut encoder = png::Encoder::new(&mut small, info.width, info.height);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_palette(palette.concat());
    encoder.set_compression(png::Compression::Balanced);
    encoder.set_filter(png::Filter::NoFilter);
    let mut writer = encoder.write_header().expect("memory can be written to");
    writer.write_image_data(&indices).expect("memory can be written to");
    writer.finish().expect("memory can be written to");
    small
}

fn palette(colours: &[Colour]) -> Vec<Colour> {
    let mut counts: HashMap<Colour, usize> = HashMap::new();
    for run in colours.chunk_by(|one, other| one == other) {
        if let Some(colour) = run.first() {
            *counts.entry(*colour).or_default() += run.len();
        }
    }
    let mut common: Vec<(Colour, usize)> = counts.into_iter().collect();
    common.sort_by_key(|(colour, count)| (std::cmp::Reverse(*count), *colour));
    let mut palette: Vec<Colour> = Vec::with_capacity(COLOURS);
    // Two colours that nobody can tell apart need one place only.
    for near in [6, 0] {
        for (colour, _) in &common {
            if palette.len() < COLOURS && palette.iter().all(|known| distance(*known, *colour) > near * near) {
                palette.push(*colour);
            }
        }
    }
    palette
}

fn nearest(palette: &[Colour], colour: Colour) -> u8 {
    let place =
        palette.iter().enumerate().min_by_key(|(_, known)| distance(**known, colour)).map_or(0, |(place, _)| place);
    u8::try_from(place).unwrap_or(0)
}

fn distance(one: Colour, other: Colour) -> u32 {
    one.iter().zip(other).map(|(a, b)| u32::from(a.abs_diff(b)).pow(2)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_colours_stay_what_they_are() {
        let mut picture = Vec::new();
        let mut encoder = png::Encoder::new(&mut picture, 2, 2);
        encoder.set_color(png::ColorType::Rgb);
        encoder.write_header().unwrap().write_image_data(&[0, 0, 0, 255, 255, 255, 200, 30, 30, 0, 0, 0]).unwrap();
        let small = small(&picture);
        let mut decoder = png::Decoder::new(std::io::Cursor::new(small));
        decoder.set_transformations(png::Transformations::EXPAND);
        let mut reader = decoder.read_info().unwrap();
        let mut pixels = vec![0; 12];
        reader.next_frame(&mut pixels).unwrap();
        assert_eq!(pixels, [0, 0, 0, 255, 255, 255, 200, 30, 30, 0, 0, 0]);
    }
}
