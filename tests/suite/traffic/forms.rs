//! Files as other programs write them: with marks, in other encodings, under other headers. Each is
//! read as it was meant, or what to do with it is said.

use std::{fs, path::Path};

use doorbuster::crowd::{
    recording::{ItemBy, Recording},
    traffic::TrafficError,
};

use super::import::import;

const SHORT: &str = "1,2268318,2520377,pv,1511544070\n2,2333346,2520771,buy,1511561733\n";
const LONG: &str = "visitor,item,action,time,region\n\
    u1,A,view,1511544070,\u{6d59}\u{6c5f}\nu\u{1f525}2,A,buy,1511544080,\n";
const MARK: &str = "\u{feff}";

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes).collect()
}

/// The text in each encoding that is read, with and without a mark.
fn written(text: &str) -> Vec<Vec<u8>> {
    let marked = format!("{MARK}{text}");
    let mut all = vec![text.as_bytes().to_vec(), marked.as_bytes().to_vec()];
    for bytes in [u16::to_le_bytes, u16::to_be_bytes] {
        all.extend([utf16(text, bytes), utf16(&marked, bytes)]);
    }
    all.push(format!("sep=,\r\n{}", text.replace('\n', "\r\n")).into_bytes());
    all
}

#[test]
fn the_same_rows_are_one_recording_in_every_encoding_and_with_every_mark() {
    for (text, rows) in [(SHORT, 2), (LONG, 2)] {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        let file = dir.path().join("rows.csv");
        fs::write(&file, text).unwrap();
        let first = import(&file, &data, &[]);
        assert_eq!(first.code, Some(0), "{}", first.complaint);
        for bytes in written(text) {
            fs::write(&file, bytes).unwrap();
            let again = import(&file, &data, &[]);
            assert_eq!(again.code, Some(0), "{}", again.complaint);
            assert_eq!(again.said["recording"], first.said["recording"]);
            let counts = ["rows", "skipped", "batches", "already_there"];
            let counts = counts.map(|name| again.said[name].as_u64());
            assert_eq!(counts, [Some(rows), Some(0), Some(0), Some(1)]);
        }
    }
}

fn played(dir: &Path, bytes: &[u8], skip: bool) -> Result<Recording, TrafficError> {
    let file = dir.join("played.csv");
    fs::write(&file, bytes).unwrap();
    Recording::read(&file, ItemBy::Item, skip)
}

#[test]
fn a_demonstration_plays_the_same_rows_in_every_encoding() {
    let dir = tempfile::tempdir().unwrap();
    let plain = played(dir.path(), SHORT.as_bytes(), false).unwrap();
    for bytes in written(SHORT) {
        assert_eq!(played(dir.path(), &bytes, false).unwrap(), plain);
    }
    let long = played(dir.path(), LONG.as_bytes(), false).unwrap_err().to_string();
    assert!(long.starts_with("line 1: header is that of the long form"), "{long}");
}

/// What is said of a file that cannot be imported.
fn refused(bytes: &[u8], more: &[&str]) -> String {
    let dir = tempfile::tempdir().unwrap();
    let (file, data) = (dir.path().join("f.csv"), dir.path().join("data"));
    fs::write(&file, bytes).unwrap();
    let refused = import(&file, &data, more);
    assert_eq!(refused.code, Some(2), "{}", refused.complaint);
    assert!(!data.exists(), "nothing is made");
    refused.complaint
}

#[test]
fn what_is_no_text_says_how_to_convert_it() {
    // "u1,A,view,1511544070,浙江" in GB18030, and a region in Latin-1.
    let head = b"visitor,item,action,time,region\nu1,A,view,1511544070,".as_slice();
    for (region, said) in [
        (b"\xd5\xe3\xbd\xad".as_slice(), "line 2: row is not UTF-8 but may be GB18030 (GBK)"),
        (b"\x81\x30\x81\x30", "iconv -f GB18030 -t UTF-8"),
        (b"\xfcrich", "line 2: row is not UTF-8"),
        (b"Z\xff", "iconv -f ENCODING -t UTF-8"),
        (b"\xed\xa0\xbd", "line 2: row holds half a character"),
    ] {
        let complaint = refused(&[head, region, b"\n"].concat(), &[]);
        assert!(complaint.contains(said), "{complaint}");
    }
    // Half a character in UTF-16 makes its row bad and no other.
    let mut cut = utf16(LONG, u16::to_le_bytes);
    let low = 0xdd25_u16.to_le_bytes();
    let place = cut.windows(2).position(|pair| pair == low).unwrap();
    cut.drain(place..place + 2);
    assert!(refused(&cut, &[]).contains("line 3: row holds half a character"));
    let odd = [utf16(SHORT, u16::to_be_bytes), vec![0]].concat();
    assert!(refused(&odd, &[]).contains("line 3: row is not UTF-8"));
    for wide in [b"\xff\xfe\0\x001\0\0\0".as_slice(), b"\0\0\x001", b"1\0\0\0"] {
        assert!(refused(wide, &[]).contains("iconv -f UTF-32 -t UTF-8"));
    }
}

#[test]
fn a_header_that_is_not_understood_names_the_columns_that_are_wanted() {
    for (header, said) in [
        (
            "timestamp,visitorid,event,itemid,transactionid\n1433221332117,257597,view,355908,\n",
            "line 1: header is that of RetailRocket's events.csv: call visitorid visitor",
        ),
        (
            "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session\n",
            "line 1: header is that of the REES46 shops",
        ),
        ("user_id,item_id,behavior_type,user_geohash,item_category,time\n", "Tianchi's mobile"),
        (
            "user_id,item_id,category_id,behavior_type,timestamp\n1,2,3,pv,1511544070\n",
            "line 1: header is that of Taobao's UserBehavior.csv with a header: leave out the header",
        ),
        ("user_id,item_id,cat_id,seller_id,brand_id,time_stamp,action_type\n", "user_log_format1"),
        ("\"sessionId\";\"userId\";\"itemId\";\"timeframe\";\"eventdate\"\n", "Diginetica"),
        (
            "visitor;item;action;time\nu;A;view;1511544070\n",
            "line 1: header is separated by semicolons; wanted are commas, and columns visitor,item,",
        ),
        ("visitor\titem\taction\ttime\n", "separated by tabs"),
        ("sep=;\nvisitor;item;action;time\n", "line 1: header is separated by semicolons"),
        (
            "who,what,when\n",
            "is not understood: \"who,what,when\"; wanted are columns visitor,item,action,time",
        ),
        ("u1,A,c1,view,1511544070\n", "user is not a whole number"),
    ] {
        let complaint = refused(header.as_bytes(), &[]);
        assert!(complaint.contains(said), "{header}: {complaint}");
    }
}

#[test]
fn a_header_may_have_capital_letters_and_spaces_and_one_above_the_short_form_is_a_bad_row() {
    let dir = tempfile::tempdir().unwrap();
    let (file, data) = (dir.path().join("f.csv"), dir.path().join("data"));
    fs::write(&file, "Visitor, Item ,ACTION,\"Time\"\nu,A,view,1511544070\n").unwrap();
    let done = import(&file, &data, &[]);
    assert_eq!(done.code, Some(0), "{}", done.complaint);
    fs::write(&file, format!("user_id,item_id,category_id,behavior_type,timestamp\n{SHORT}"))
        .unwrap();
    let done = import(&file, &data, &["--skip-bad-rows"]);
    assert_eq!(done.code, Some(0), "{}", done.complaint);
    assert_eq!((done.said["rows"].as_u64(), done.said["skipped"].as_u64()), (Some(2), Some(1)));
}

#[test]
fn times_in_other_units_and_forms_are_named_as_what_they_are() {
    let head = "visitor,item,action,time\nu,A,view,";
    for (time, said) in [
        (
            "1433221332117",
            "looks like milliseconds: 1433221332117 is 2015-06-02T05:02:12.000Z, 1433221332",
        ),
        ("1433221332117000", "looks like microseconds"),
        ("1433221332117000000", "looks like nanoseconds"),
        (
            "2019-10-01 00:00:00 UTC",
            "must be RFC 3339: \"2019-10-01 00:00:00 UTC\" is 2019-10-01T00:00:00Z in UTC",
        ),
        ("2019/10/01 00:00:00", "is 2019-10-01T00:00:00Z in UTC"),
        ("yesterday", "line 2: time is not a time such as"),
    ] {
        let complaint = refused(format!("{head}{time}\n").as_bytes(), &[]);
        assert!(complaint.contains(said), "{time}: {complaint}");
    }
    let short = refused(b"1,2,3,pv,1511544070123\n", &[]);
    assert!(
        short.contains("line 1: time is not a Unix time in seconds but looks like milliseconds")
    );
}

#[test]
fn a_file_of_bad_rows_only_says_how_many_and_what_was_wrong_with_the_first() {
    let rows = "visitor,item,action,time\nu,A,view,1433221332117\nu,A,steal,1433221332\n";
    let complaint = refused(rows.as_bytes(), &["--skip-bad-rows"]);
    let said = "the file holds no good rows: 2 were left out, the first: line 2: time";
    assert!(complaint.contains(said), "{complaint}");
    let dir = tempfile::tempdir().unwrap();
    let none = played(dir.path(), b"1,2,3,pv,never\nx\n", true).unwrap_err().to_string();
    assert!(none.contains("2 were left out, the first: line 1: time"), "{none}");
}
