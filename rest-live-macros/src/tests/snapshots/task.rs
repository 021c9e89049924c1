const _: () = {
    use ::rest_live::__private as __live;
    #[automatically_derived]
    impl __live::Subscribable for Task {
        const LABEL: __live::Label = __live::Label::in_crate(
            ::core::module_path!(),
            "Task",
        );
        type Groups = __TaskGroups;
        fn describe() -> __live::Description<Self> {
            let id = || __live::Key::column("id", |row: &Self| &row.id);
            let list_id = || __live::Key::column("list_id", |row: &Self| &row.list_id);
            __live::Description::new(id())
                .register(__live::Registration::new(id(), __live::to_json::<Task>))
                .register(
                    __live::Registration::new(list_id(), __live::to_json::<Task>)
                        .check_permission(has_auth),
                )
                .register(
                    __live::Registration::new(
                            list_id(),
                            |row| {
                                #[derive(__live::serde::Serialize)]
                                #[serde(
                                    crate = "::rest_live::__private::serde",
                                    remote = "Task"
                                )]
                                struct __Fields {
                                    id: i32,
                                    text: String,
                                }
                                __live::to_json_with(
                                    row,
                                    |row, json| __Fields::serialize(row, json),
                                )
                            },
                        )
                        .check_permission(has_no_auth),
                )
                .adapter(
                    __live::adapter::<Task>()
                        .key_column(tasks::id, "id", |key: i32| key)
                        .key_column(tasks::list_id, "list_id", |key: i32| key),
                )
        }
    }
    #[automatically_derived]
    impl __live::LiveModel for Task {
        type Table = tasks::table;
        type ByKey = __live::Filter<tasks::table, __live::Eq<tasks::id, i32>>;
        fn by_key(&self) -> Self::ByKey {
            __live::filter(
                tasks::table,
                __live::eq(tasks::id, ::core::clone::Clone::clone(&self.id)),
            )
        }
    }
    #[automatically_derived]
    impl __live::SaveColumns for Task {
        type Columns<'a> = (
            __live::Eq<tasks::text, &'a String>,
            __live::Eq<tasks::done, &'a bool>,
            __live::Eq<tasks::list_id, &'a i32>,
        );
        fn columns(&self) -> Self::Columns<'_> {
            (
                __live::eq(tasks::text, &self.text),
                __live::eq(tasks::done, &self.done),
                __live::eq(tasks::list_id, &self.list_id),
            )
        }
    }
    #[automatically_derived]
    impl<__L> __live::TypedModel<__L> for Task
    where
        __L: __live::Language<Task> + __live::Language<i32>,
    {
        fn types(language: &mut __L) -> __live::Types<'_, __L> {
            __live::Types::new(language)
                .row::<Task>()
                .part::<Task>(&["id", "text"])
                .column::<i32>("id")
                .column::<i32>("list_id")
        }
    }
    /// The groups of [`Task`].
    #[derive(Debug, Default)]
    pub struct __TaskGroups;
    impl __TaskGroups {
        /// The row with this `id`.
        pub fn id(self, id: i32) -> __live::Group<Task> {
            __live::Group::new(&["id"], &id)
        }
        /// The rows with this `list_id`.
        pub fn list_id(self, list_id: i32) -> __live::Group<Task> {
            __live::Group::new(&["list_id"], &list_id)
        }
    }
    #[automatically_derived]
    impl<__User> __live::SubscribableBy<__User> for Task {}
};
